"""What a client may ask, as the OpenAI protocol spells it; what we cannot do is refused, not ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Count = Annotated[int, Field(ge=1)]
Penalty = Annotated[float | None, Field(ge=0, le=0)]


class Body(BaseModel):
    """What both calls share. Unknown fields are ignored: clients send many (``user``, ``metadata``)."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    model: str = ""
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(gt=0, le=1)] = None
    top_k: Annotated[int | None, Field(ge=0)] = None  # not OpenAI's; 0: no cut
    n: Annotated[int | None, Field(ge=1, le=64)] = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    frequency_penalty: Penalty = None
    presence_penalty: Penalty = None
    logit_bias: Annotated[dict[str, float] | None, Field(max_length=0)] = None

    @field_validator("stop")
    @classmethod
    def _stops(cls, stop: str | list[str] | None) -> list[str]:
        found = [stop] if isinstance(stop, str) else list(stop or ())
        if len(found) > 16 or not all(found):
            raise ValueError("at most 16 texts, none of them empty")
        return found

    @property
    def stops(self) -> list[str]:
        """The stop texts as a list."""
        return list(self.stop or ())

    @property
    def wants_usage(self) -> bool:
        """Whether the last chunk of a stream counts tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)


class StreamOptions(BaseModel):
    """``include_usage``: a last chunk with the token counts."""

    include_usage: bool = False


class Completion(Body):
    """``POST /v1/completions``: text, ids, or several of either, to be continued."""

    prompt: str | list[int] | list[str] | list[list[int]]
    max_tokens: Count | None = None
    logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    best_of: int | None = None
    echo: Literal[False] | None = None
    suffix: Annotated[str | None, Field(max_length=0)] = None

    @field_validator("prompt")
    @classmethod
    def _some(cls, prompt: Any) -> Any:
        if isinstance(prompt, list) and not prompt:
            raise ValueError("at least one prompt")
        return prompt

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, one or many, as a list."""
        p: Any = self.prompt
        single = isinstance(p, str) or isinstance(p[0], int)
        return [p] if single else list(p)


class Part(BaseModel):
    """A piece of a message's content; only text can be read."""

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One turn. The roles and their order are checked by the model's own chat format."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str | list[Part]

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class Schema(BaseModel):
    """``json_schema`` of a response format."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = "reply"
    schema_: dict[str, Any] = Field(default_factory=lambda: {"type": "object"}, alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):
    """``text``; ``json_object``: any object; ``json_schema``: what the schema allows, and nothing else."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Schema | None = None

    @property
    def wanted(self) -> dict[str, Any] | None:
        """The JSON schema that replies must follow."""
        if self.type == "text":
            return None
        if self.type == "json_object":
            return {"type": "object"}
        return (self.json_schema or Schema()).schema_


class Chat(Body):
    """``POST /v1/chat/completions``: a conversation to be answered."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Any] | None, Field(max_length=0)] = None
    functions: Annotated[list[Any] | None, Field(max_length=0)] = None


Body.model_rebuild()
