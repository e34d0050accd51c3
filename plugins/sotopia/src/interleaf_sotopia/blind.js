const form=document.querySelector('form'),state=document.querySelector('#state');
function rows(){const out=[];for(const f of form.querySelectorAll('fieldset')){const r={item:f.dataset.item,agent:f.dataset.agent};
let n=0;for(const i of f.querySelectorAll('input')){if(i.value!==''){r[i.name]=i.value;n++}}if(n)out.push(r)}return out}
form.addEventListener('input',()=>{const n=rows().length;state.textContent=n+' of '+form.querySelectorAll('fieldset').length+' begun'});
form.addEventListener('submit',e=>{e.preventDefault();if(!form.reportValidity())return;
const names=JSON.parse(form.dataset.columns),rater=form.querySelector('#rater').value.replace(/[",\n]/g,' ');
const lines=[names.join(',')];for(const r of rows()){r.rater=rater;lines.push(names.map(n=>r[n]??'').join(','))}
const a=document.createElement('a');a.href='data:text/csv;charset=utf-8,'+encodeURIComponent(lines.join('\n')+'\n');
a.download='ratings.csv';a.click()});
