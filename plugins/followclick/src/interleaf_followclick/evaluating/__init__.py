"""How well motion obeys, how real it is, and the paper's eight metrics."""
