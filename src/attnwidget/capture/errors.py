"""What can be wrong with a text or a model, each with a message that says what to do."""


class CaptureError(ValueError):
    """A text cannot be run through a model."""


class EmptyTextError(CaptureError):
    """The text is empty, or the tokenizer finds no token in it."""


class TextTooLongError(CaptureError):
    """The text has more tokens than the model has positions."""


class UnsupportedModelError(CaptureError):
    """The model's attention cannot be recorded."""


class MissingTokenizerError(TypeError):
    """No tokenizer was given and none can be found without a network."""
