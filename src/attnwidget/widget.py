"""`AttentionWidget`: ties traits and messages to a session, nothing else."""

from __future__ import annotations

import logging
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from traitlets import Bool, CFloat, Dict, Enum, Int, TraitError, Unicode

from attnwidget import front_end, hosts
from attnwidget.comparison.sides import Side
from attnwidget.examples import EXAMPLES, Example, Examples
from attnwidget.export.figure import Figure, Theme, figure_of, output_picture
from attnwidget.export.numbers import csv_file
from attnwidget.export.page import save_html
from attnwidget.export.save import save
from attnwidget.replacing import replacing
from attnwidget.session import OptionError, Session, jobs
from attnwidget.session.requests import HEAVY, SLOW, handlers
from attnwidget.session.source import Source
from attnwidget.session_widget import SELECTION, TEXTS, SessionWidget
from attnwidget.trace import AttentionTrace
from attnwidget.traits import HeadList, Mask, PositionList, TargetDict
from attnwidget.wire import schema
from attnwidget.wire.schema import STATES, VIEWS, Texts
from attnwidget.wire.server import RequestServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from torch import Tensor
    from torch.nn import Module
    from transformers import GenerationConfig

    from attnwidget.asking import Question
    from attnwidget.breakdown import Breakdown
    from attnwidget.comparison import Comparison
    from attnwidget.effects import Decomposition, Effects
    from attnwidget.heads import Category

_BESIDE = "attention_mask", "position_ids", "token_type_ids", "inputs_embeds", "tokens", "add_special_tokens"

logger = logging.getLogger(__name__)

# The browser holds the newest value of what it set itself. An echo would arrive late and move the view back; and
# marimo sends the whole state round with every change. `SelectionEvent` sees to it that all browsers agree.
_LIVE = {"sync": True, "echo_update": False}
_LIVE_PICTURE = "To get the live picture: run the cell, or, if its state was saved, File → Trust Notebook."
_STILL_LOADING = "The model was still loading: run the cell once more for a picture of it."
_SOON = 1.0  # seconds until what can wait is made unasked: behind a long cell no browser's question comes through


class AttentionWidget(SessionWidget):
    """Attention inside a Transformer, drawn live.

    Parameters
    ----------
    source : str, token ids, chat messages, mapping, AttentionTrace or Example
        What to run the model on: a text, or anything else that `capture` takes; attention captured earlier; or one of
        `examples`. The text box shows how token ids, a chat or a tokenizer's mapping read. They run as they were given
        until that text is edited; from then on the text runs.
    text_pair : str, optional
        A second text, for models that read sentence pairs.
    text_target : str or token ids, optional
        What an encoder–decoder is to say. Without it the model generates it.
    attention_mask, position_ids, token_type_ids, inputs_embeds, tokens : optional
        What goes with that first text, as of `capture`; a text that is edited runs without them.
    add_special_tokens : bool, optional
        Whether the tokenizer puts its marks around texts, also those written later. By default as it does.
    model : str, path, or model, optional
        A bundled model's name, a local folder, a Hugging Face Hub id, or a loaded transformers model on any device.
        By default the bundled ``"demo/causal"``, which needs no network.
    generate : int, dict or GenerationConfig
        What a causal model writes after the text, and after every text typed later: so many tokens, or options of
        ``model.generate``; of an encoder–decoder, how it writes the target. As of `capture`. In a notebook it is
        written in the background: one sees it grow, and *Stop* keeps what is there.
    against : optional
        What to compare it with: another text, a trace, a model (an object, a bundled name, a folder), another mask (a
        name such as ``"window:4"``, or a bool matrix), ``"adapter off"`` of a PEFT model, another head (``"L3-H0"``),
        or a mapping of these, ``{"model": …, "text": …}``; what it does not say is as in `source`. See `compare`.
    tokenizer : optional
        The model's tokenizer. Needed with a model object whose own cannot be found on this machine.
    categories : sequence of Category, optional
        Your own kinds of heads, beside the built-in ones.
    probe : bool
        Whether to run the model on annotated sentences and repeated tokens in the background, once for each model, to
        tell its syntactic, induction and duplicate-token heads.
    picture : bool, optional
        Whether a PNG stands beside the widget in a notebook's output, for readers whom no widget reaches. By default
        as `AttentionWidget.picture` says, for all widgets.
    **options
        First values of `layer`, `heads`, `queries`, `keys`, `view`, `attention`, `measure`, `side`, `threshold`,
        `words`, `category`, `combine`, `what_if`, `off`, `target`, `mask`, `mask_mode`.

    Attributes
    ----------
    text : str
        Setting it runs the model. On a failure the old text and picture stay, and the exception is raised here.
    text_pair, text_target : str
        Empty where there is none. Set like `text`.
    layer : int
        The layer in view. Setting it shows the same heads of that layer.
    heads : list of (layer, head)
        The heads that are drawn, at least one; ``"L4-H11"`` is understood too, and one head without a list.
    queries, keys : list of int
        The pinned token positions on either side. Set with a string, all tokens or words that read so are pinned:
        ``w.queries = "it"``.
    measure : str
        Which number of a pair is drawn: ``"weights"``, ``"scores"``, ``"norms"``, or a registered one.
    side : str
        Where two are compared, which is drawn: ``"a"``, ``"b"``, or ``"difference"``: A − B on A's tokens. With A and
        B the texts, the trace and all that is asked of them are that side's; pins follow to their partners.
    threshold : float
        What is smaller is not drawn: 0 to 1, of measures without such a bound as a share of the largest on screen.
        A text longer than the picture has each query's strongest keys drawn instead, as long as this is 0.02.
    words : bool
        Merge sub-words: sum over the pieces attended to, mean over the pieces attending.
    category : str or None
        The category that is open in the panel, "Other" among them.
    view : str
        ``"lines"``, ``"matrix"``, ``"text"``, ``"heads"``; ``"breakdown"``: every step of the first of `heads` for the
        pinned `queries`; or ``"effect"``: what every head does to the model's answer.
    combine : str
        How several pinned queries are taken together, in the breakdown and beside the keys: ``"mean"`` or ``"sum"``.
    what_if : dict
        What the breakdown changes: arguments of `Breakdown.what_if`, such as ``{"temperature": 2}`` or
        ``{"masked": "cat"}``: keys are positions or words. Empty for nothing. Scores set by hand go with their head and
        query.
    off : list of (layer, head)
        Heads that are switched off, of the attention on screen: ``w.off = ["L3-H5", "L3-H6"]``. The text is run again
        on a twin of the model in which they write nothing, and every view shows that run; an empty list, and all is as
        before. The model itself is never changed. Another text is run without them too, another attention with all.
    target : dict or None
        What effects are on: set it to a token (``" Mary"``: its log-probability), a pair of them, a slice of positions
        (the loss over it), ``"loss"``, ``"output"``, or an `attnwidget.Target`. It is kept as `Target.to_dict` writes
        it. Without a place of its own it is asked at the pinned query, else where the model's answer is. None: the
        likeliest token.
    mask : str, matrix or None
        The mask in the place of the model's own, of the attention on screen: a name such as ``"window:4"`` or
        ``"causal+padding-left:2"`` (see `attnwidget.masks`), or a matrix (queries, keys), True where attention is
        permitted, kept as rows of 1 and 0. None: the model's own. The model itself is never changed.
    mask_mode : str
        ``"head"``: each head is by itself under that mask, its queries and keys as the model made them;
        ``"model"``: the text is run again on a twin of the model with that mask in all layers.
    attention : str
        ``"self"``; of an encoder–decoder ``"encoder"``, ``"decoder"`` or ``"cross"``, where the queries are the
        target's tokens and the keys the source's.

    Raises
    ------
    TypeError
        For an unknown keyword.
    ValueError, TraitError, OSError
        If the text is empty or too long, a value is out of range, or the model cannot be had; the message says
        what to do.
    """

    picture = True

    text = Unicode().tag(**_LIVE)
    text_pair = Unicode().tag(**_LIVE)
    text_target = Unicode().tag(**_LIVE)
    view = Enum(list(VIEWS), "lines").tag(**_LIVE)
    attention = Unicode("self").tag(**_LIVE)
    measure = Unicode("weights").tag(**_LIVE)
    side = Enum(["a", "b", "difference"], "a").tag(**_LIVE)
    layer = Int(0).tag(**_LIVE)
    heads = HeadList().tag(**_LIVE)
    queries = PositionList().tag(**_LIVE)
    keys = PositionList().tag(**_LIVE)
    threshold = CFloat(0.02, min=0, max=1).tag(**_LIVE)
    words = Bool(default_value=False).tag(**_LIVE)
    category = Unicode(None, allow_none=True).tag(**_LIVE)
    combine = Enum(["mean", "sum"], "mean").tag(**_LIVE)
    what_if = Dict().tag(**_LIVE)
    off = HeadList().tag(**_LIVE)
    target = TargetDict().tag(**_LIVE)
    mask = Mask().tag(**_LIVE)
    mask_mode = Enum(["head", "model"], "head").tag(**_LIVE)

    # The wire: `attnwidget.wire.schema` says what these hold.
    _stamp = Dict().tag(**_LIVE)
    _outline = Dict().tag(sync=True)
    _snapshot = Dict().tag(sync=True)
    _ahead = Dict().tag(sync=True)
    _pictures = Dict().tag(sync=True)
    _categories = Dict().tag(sync=True)
    _breakdown = Dict().tag(sync=True)
    _effects = Dict().tag(sync=True)
    _outcome = Dict().tag(sync=True)
    _links = Dict().tag(sync=True)
    _posed = Dict().tag(sync=True)
    _status = Dict().tag(sync=True)

    def __init__(
        self,
        source: Any = None,
        *,
        text_pair: str | None = None,
        text_target: str | Sequence[int] | None = None,
        attention_mask: Any = None,
        position_ids: Any = None,
        token_type_ids: Any = None,
        inputs_embeds: Tensor | None = None,
        tokens: Sequence[str] | None = None,
        add_special_tokens: bool | None = None,
        model: str | PathLike[str] | Module | None = None,
        against: Any = None,
        tokenizer: object = None,
        generate: int | Mapping[str, Any] | GenerationConfig = 0,
        categories: Sequence[Category] = (),
        probe: bool = True,
        picture: bool | None = None,
        **options: Any,
    ) -> None:
        unknown = sorted(set(options) - set(SELECTION))
        if unknown:
            known = ", ".join(
                (
                    *TEXTS[1:],
                    *_BESIDE,
                    "model",
                    "against",
                    "tokenizer",
                    "generate",
                    "categories",
                    "probe",
                    "picture",
                    *SELECTION,
                )
            )
            raise TypeError(f"unknown keyword {', '.join(map(repr, unknown))}; known: {known}")
        beside = {
            "attention_mask": attention_mask,
            "position_ids": position_ids,
            "token_type_ids": token_type_ids,
            "inputs_embeds": inputs_embeds,
            "tokens": tokens,
        }
        texts = Texts(
            text=source if isinstance(source, str) else "",
            text_pair=text_pair or "",
            text_target=text_target if isinstance(text_target, str) else "",
        )
        if isinstance(source, AttentionTrace | Example):
            given = model, tokenizer, text_pair, text_target, add_special_tokens, *beside.values()
            if any(one is not None for one in given):
                is_trace = isinstance(source, AttentionTrace)
                what = "attention captured earlier is shown as it is" if is_trace else "an example brings its own"
                raise TypeError(f"a model, a tokenizer and more texts go with a text; {what}")
            if generate:
                raise TypeError(
                    "generate goes with a text: attention captured earlier, and an example, are shown as they are"
                )
        else:
            source = Source(source, text_target, beside, add_special_tokens, texts)
            source.check()
        for name, value in options.items():
            trait = self.traits()[name]
            if value is not None or not trait.allow_none:
                options[name] = trait.validate(self, value)
        if picture is not None:
            self.picture = picture
        self._session = Session(
            tokenizer=tokenizer,
            categories=categories,
            probe=probe,
            generate=generate,
            against=None if against is None else Side.read(against),
            options=options,
        )
        front_end.begin()
        # Before the model runs: the browser gets ready meanwhile.
        super().__init__(**self._mirrored(self._session.texts, self._session.selection, self._session.states))
        self._session.listener = self._follow
        self._server = RequestServer(
            {
                **handlers(self._session),
                schema.Resend: self._answer_resend,
                schema.AskCode: lambda *_: (schema.Wired(), front_end.packed()),
                schema.Save: lambda ask, alive: save(self._session, ask, alive),
            },
            lambda reply, buffers: jobs.bring_home(lambda: self.send(reply, buffers)),
            slow=SLOW,
            heavy=(*HEAVY, schema.Save),
            start=jobs.in_background,
        )
        self.on_msg(lambda _widget, content, _buffers: self._server.receive(content))
        try:
            self._session.open(source, texts, model)
        except BaseException as error:  # nothing is left behind, in no browser either
            self.layout.close()
            self.close()
            if isinstance(error, OptionError):
                raise TraitError(str(error)) from error
            raise

    @staticmethod
    def examples() -> Examples:
        """Return the sentences that articles explain attention with, and what to look for in the bundled models.

        ``AttentionWidget(AttentionWidget.examples()[0])`` shows one; so does the widget's menu.
        """
        return EXAMPLES

    # -- what Python reads --------------------------------------------------------------------------------------

    @property
    def trace(self) -> AttentionTrace:
        """The `AttentionTrace` on screen; waits for a model that is still loading and raises if it failed."""
        return self._session.settled()

    @property
    def tokens(self) -> list[str]:
        """The labels on the queries' side: tokens, or whole words with `words`."""
        attending = self.trace.sides(self.attention)[0]
        return attending.word_texts if self.words else attending.text

    def weights(self) -> Tensor:
        """Return the weights on screen.

        Returns
        -------
        Tensor
            float32, (heads, queries, keys) for `heads` in their order: all tokens, or only the pinned `queries` and
            `keys` where there are any. Forbidden pairs are 0. With `words` the axes are words. What a reader hides in
            a view is in them: they are the model's own.
        """
        return self._session.weights()

    def breakdown(self) -> Breakdown:
        """Return every step of the computation on screen: of the first of `heads`, for the pinned `queries`.

        Without pinned queries, for the one that the view shows. What `what_if` changes is not in it:
        ``w.breakdown().what_if(temperature=2)``.
        """
        return self._session.breakdown()

    def compare(self, other: Any) -> None:
        """Put something beside what is on screen: A, B and A − B can be drawn; None stops comparing.

        Parameters
        ----------
        other
            As `against`: another text, a trace, a model, a mask, a head, ``"adapter off"``, a mapping of these.

        Raises
        ------
        ValueError, TypeError, OSError
            If it cannot be had; the message says what to do, and what was on screen stays.
        """
        self._session.compare(other)

    @property
    def comparison(self) -> Comparison | None:
        """What is compared: `rank()` of its heads, `next_tokens` of both, the traces; None where nothing is."""
        return self._session.comparison

    def ask(
        self,
        text: str | None,
        answer: Any = None,
        *,
        hint: str = "",
        show: Mapping[str, Any] | None = None,
        because: str = "",
        name: str = "",
    ) -> Question | None:
        """Ask the reader something: a quiet bar in the widget, answered by what is selected there.

        ``w.ask("Pin the token that *it* looks at most in L3-H0", {"heads": "L3-H0", "queries": "it", "keys":
        "animal"})``. Several calls ask several questions. The browser judges alone, also on a saved page; nothing
        leaves the machine.

        Parameters
        ----------
        text : str or None
            The question, with ``*emphasis*``; None: ask nothing any more.
        answer : mapping, or a list of them
            What is right, by field of the selection (`asking.FIELDS`); of a list one is enough. Of `heads`, `off`,
            `queries` and `keys` a set: exactly these, ``{"any": …}`` (some of these, and nothing else), ``{"all": …}``
            (these, whatever else), ``{"not": …}``. A word stands for every token that reads so, any of which will do.
            ``asking.strongest("L3-H0", "it")``, or the same as text, is looked up in the trace on screen; so are
            `asking.looking_most`, `asking.heads_of` and `asking.top_heads`. Of `layer`, `threshold` and the numbers of
            `what_if` a number or a range ``[low, high]``; of the others a value, or ``{"any": [values]}``.
        hint, because : str
            What helps, and what is said once it is answered.
        show : mapping, optional
            What *Show me* selects; by default what the rule itself says.
        name : str
            One of its own; a question of that name is replaced.

        Returns
        -------
        Question
            With `right`, `tries`, `said`, and `accepts(selection)`.

        Raises
        ------
        ValueError, TypeError, IndexError, KeyError
            If the rule is none, names what is not there, or what *Show me* selects would not be accepted.
        """
        if text is None:
            self._session.questions.clear()
            return None
        return self._session.questions.ask(text, answer, hint=hint, show=show, because=because, name=name)

    @property
    def questions(self) -> list[Question]:
        """The questions that are asked, in order."""
        return self._session.questions.asked

    def effects(self) -> Effects:
        """Return every head's effect on `target`, as the view "effect" shows it; it is computed here if need be.

        Of the model as it is, whatever is `off`. In a notebook the reader may have chosen what an effect is: what a
        head writes directly, or what switching it off changes; else it is the first.
        """
        return self._session.effects()

    def decomposition(self) -> Decomposition:
        """Return the logit that `target` is about, as the sum of what every part of the model writes into it."""
        return self._session.decomposition()

    @property
    def step(self) -> int | None:
        """The token whose writing is looked at, by its position; None where none is.

        A token is written from the row of the one before it. Setting this pins that row and nothing else, as the slider
        *what was seen* does, and shows single tokens: all that the row looks at is what the model could see when it
        wrote the token. Setting None lets go of it.

        Raises
        ------
        IndexError
            If there is no such position; negative ones count from the end.
        ValueError
            If the model did not write the token there.
        """
        return self._session.step

    @step.setter
    def step(self, position: int | None) -> None:
        chosen = self._session.step_to(position)
        with self.hold_trait_notifications():
            for name, value in chosen.items():
                setattr(self, name, value)

    def save_csv(self, path: str | PathLike[str]) -> None:
        """Write the numbers of the view on screen as a table for a spreadsheet (CSV, UTF-8 with a byte order mark).

        A text that a spreadsheet would take for a formula stands behind an apostrophe; a pair without a number has an
        empty cell and a note.

        Parameters
        ----------
        path : str or path
            A file; one that is there is replaced.

        Raises
        ------
        ValueError
            If these are too many rows for a table; the message says how to narrow them down.
        """
        data = csv_file(self._session)
        with replacing(path) as part:
            part.write_bytes(data)

    def figure(
        self, *, width: float | None = None, theme: Theme = "light", background: bool = True, caption: bool = True
    ) -> Figure:
        """Draw what is on screen as a figure for a paper or a slide.

        Parameters
        ----------
        width : float, optional
            Inches: 3.3 for a column of a paper, 10 for a slide; letters and spaces follow. Without it as on screen.
        theme : "light" or "dark"
            Colours.
        background : bool
            Whether there is a ground; else the figure is transparent.
        caption : bool
            Whether the model, the text, the layer and head, the formula and the version stand below.

        Returns
        -------
        Figure
            With `svg`, `png()`, `pdf()` and `save(path)`.
        """
        self._session.settled()
        return figure_of(self._session, width=width, theme=theme, background=background, caption=caption)

    def save_svg(self, path: str | PathLike[str], **options: Any) -> None:
        """Save what is on screen as SVG; options as of `figure`."""
        Path(path).write_text(self.figure(**options).svg, encoding="utf-8")

    def save_png(self, path: str | PathLike[str], *, density: float = 2, **options: Any) -> None:
        """Save it as PNG, with `density` pixels a px (an inch has 96); options as of `figure`."""
        Path(path).write_bytes(self.figure(**options).png(density))

    def save_pdf(self, path: str | PathLike[str], **options: Any) -> None:
        """Save it as PDF, vectors and text; takes ``pip install 'attnwidget[pdf]'``. Options as of `figure`."""
        Path(path).write_bytes(self.figure(**options).pdf())

    def goto(self, position: int | str, *, side: Literal["query", "key"] = "query") -> None:
        """Bring a place of the text into sight, in every browser that shows the widget; nothing is pinned.

        Parameters
        ----------
        position : int or str
            A token position, negative from the end, or what to look for: the first place that `trace.find` finds.
        side : "query" or "key"
            Where there are two texts, or two columns of one: on which side.

        Raises
        ------
        IndexError, ValueError
            If there is no such place.
        """
        self.send(self._session.goto(position, side).to_state())

    def save_html(
        self,
        path: str | PathLike[str],
        *,
        heads: Any = None,
        layers: int | Sequence[int] | None = None,
        values: bool = True,
    ) -> None:
        """Save what is on screen as a page of its own: one file that opens from disk, without a kernel or a network.

        It carries the queries, keys and values in few bits, computes every number in the browser, and says how far they
        may be from the model's. All that takes no model is there: every view, any head, what-if.

        Parameters
        ----------
        path : str or path
            Where to.
        heads : list of (layer, head), optional
            Which heads it carries, beside all those of `layers`; ``"L4-H11"`` is understood too. All by default.
        layers : int or sequence of int, optional
            Of which layers it carries all heads.
        values : bool
            Whether it carries the values, for the breakdown and the measure "norms". Without them a text of about a
            hundred tokens takes less than half.

        Raises
        ------
        IndexError, ValueError
            If there is no such head or layer.
        OSError
            If the file cannot be written; one that stood there stays as it was.
        """
        self._session.complete()  # a page has nobody to score its heads later
        save_html(self._session, path, heads=heads, layers=layers, values=values)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Add a text for readers without the widget: a notebook opened elsewhere, a terminal."""
        loop = jobs.running_loop()
        if hosts.is_batch():
            self._session.in_batch = True
            self._session.complete()
        elif loop is not None:
            jobs.later(_SOON, loop, self._session.begin)
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        png, size = self._drawn()
        pictures = {"image/png": png} if png else {}
        words = f"{self!r}\n{_LIVE_PICTURE if self._session.trace else _STILL_LOADING}"
        return {**data, **pictures, "text/plain": words}, {**metadata, **({"image/png": size} if png else {})}

    def _drawn(self) -> tuple[str, dict[str, int]]:
        """Draw what is on screen, for readers without the widget; nothing where that fails, or takes long."""
        if self.picture and self._session.trace is not None:
            try:
                png, size = output_picture(self._session)
                return b64encode(png).decode(), size
            except Exception:  # a picture beside the widget is not worth an error in its place
                logger.debug("no picture in the output", exc_info=True)
        return "", {}

    def __repr__(self) -> str:
        return self._session.in_words("AttentionWidget")

    def _get_embed_state(self, drop_defaults: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002
        self._session.complete()  # a page has no kernel to ask
        # embed_minimal_html drops traits that hold their default, the front end's own module among them
        state: dict[str, Any] = super()._get_embed_state(drop_defaults=False)
        return state

    def close(self) -> None:
        """Leave the page; what runs in the background stops."""
        if hasattr(self, "_session"):  # not there in a widget that could not be made
            self._session.close()
        super().close()

    def _answer_resend(self, *_: object) -> None:
        self.send_state([*TEXTS, *SELECTION, *(f"_{name}" for name in STATES)])
