"""A two-layer model whose weights are set by hand, so that what each head does is known and not measured.

A text is `BOS` and some tokens, once or twice (`TWICE`). The circuit (Elhage et al. 2021; Olsson et al. 2022):

- `PREVIOUS`, L0-H0, looks at the token before and writes it into a place of its own of the stream;
- `INDUCTION`, L1-H0, looks for a token before which its own token stood, and writes that token into the logits;
- `SINKS`, L0-H1 and L1-H1, give 0.98 of their weight to `BOS`, whose value in them is 0: they write next to nothing.

So in the second half of a text that is written twice the token after `query` is predicted by one path alone: L1-H0
looks from `query` at `source(query)`, which followed the last time, and finds it by what L0-H0 has written there: the
token before it. The MLPs are there and return 0. Each row of the stream holds the same few numbers in other places, and
so a LayerNorm does the same to all of them.
"""

import torch
import transformers as hf

BOS = 0
VOCABULARY = 12  # token ids 1 … 11 are words
POSITIONS = 24
PREVIOUS, INDUCTION = (0, 0), (1, 0)
SINKS = ((0, 1), (1, 1))
LENGTH = 8  # of what is written twice
WORDS = [3, 7, 1, 9, 5, 11, 2, 8]
TWICE = [BOS, *WORDS, *WORDS]
NAMES = ["<s>", *"abcdefghijk"]  # of the token ids

_TOKEN, _POSITION = 0, VOCABULARY  # where in the stream each thing is written, one number for each token or position
_BEFORE, _ANSWER = VOCABULARY + POSITIONS, 2 * VOCABULARY + POSITIONS
_WIDTH = 3 * VOCABULARY + POSITIONS + 2  # 62: two heads of 31
_BALLAST = 10.0  # in the last two places of every row, once with each sign: a norm's scale depends on little else
_SHARP, _SINK = 10.0, 7.0  # the score of what a head looks for, where all else has 0


def model():
    """The model, `transformers.GPT2LMHeadModel`: 2 layers × 2 heads, exact in float32."""
    options = {"bos_token_id": BOS, "eos_token_id": BOS, "tie_word_embeddings": False, "layer_norm_epsilon": 1e-12}
    sizes = {"n_layer": 2, "n_head": 2, "n_embd": _WIDTH, "n_positions": POSITIONS, "vocab_size": VOCABULARY}
    config = hf.GPT2Config(**sizes, **options, attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0)
    made = hf.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        body = made.transformer
        body.wte.weight[:, _TOKEN : _TOKEN + VOCABULARY] = torch.eye(VOCABULARY)
        body.wpe.weight[:, _POSITION : _POSITION + POSITIONS] = torch.eye(POSITIONS)
        body.wpe.weight[:, -2:] = torch.tensor([_BALLAST, -_BALLAST])
        for norm in (body.ln_f, *(one for block in body.h for one in (block.ln_1, block.ln_2))):
            norm.weight.fill_(1)
        _set_first(body.h[0])
        _set_second(body.h[1])
        made.lm_head.weight[:, _ANSWER : _ANSWER + VOCABULARY] = 16 * torch.eye(VOCABULARY)
    return made


def source(query):
    """Where the induction head looks from a token of the second half: at what followed the last time."""
    return query - LENGTH + 1


QUERIES = range(1 + LENGTH, 2 * LENGTH)  # of the second half those that have a next token


def _set_first(block):
    """L0-H0: position i looks at i − 1. L0-H1: the sink."""
    unit = _unit(2)  # what LayerNorm makes of a 1 in the stream, where there are two of them
    shift = torch.diag(torch.ones(POSITIONS - 1), -1)  # (position, the one before it)
    q = torch.zeros(_WIDTH, _WIDTH)
    k, v = q.clone(), q.clone()
    heads = _head(0), _head(1)
    q[_POSITION : _POSITION + POSITIONS, heads[0].start : heads[0].start + POSITIONS] = _SHARP * shift
    k[_POSITION : _POSITION + POSITIONS, heads[0].start : heads[0].start + POSITIONS] = torch.eye(POSITIONS)
    v[_TOKEN : _TOKEN + VOCABULARY, heads[0].start : heads[0].start + VOCABULARY] = torch.eye(VOCABULARY)
    _write(block, (q, k, v), unit, _BEFORE)


def _set_second(block):
    """L1-H0: a token looks for itself in the places of those before. L1-H1: the sink."""
    unit = _unit(3)
    q = torch.zeros(_WIDTH, _WIDTH)
    k, v = q.clone(), q.clone()
    at = _head(0).start
    q[_TOKEN : _TOKEN + VOCABULARY, at : at + VOCABULARY] = _SHARP * torch.eye(VOCABULARY)
    k[_BEFORE : _BEFORE + VOCABULARY, at : at + VOCABULARY] = torch.eye(VOCABULARY)
    v[_TOKEN : _TOKEN + VOCABULARY, at : at + VOCABULARY] = torch.eye(VOCABULARY)
    v[BOS] = 0  # where there is nothing to find, the head looks at BOS, which says nothing
    _write(block, (q, k, v), unit, _ANSWER, rest=_SHARP / 2)


def _write(block, matrices, unit, place, *, rest=0.0):
    """Give a block its matrices, of which the first head's are set; its second is the sink.

    Both write at `place`, and the first looks at BOS with a score of `rest`.
    """
    q, k, v = matrices
    low, high = unit
    size = _WIDTH // 2
    first, sink = _head(0), _head(1)
    # One number of each head is the same in every query, and is BOS's alone among the keys.
    constant = torch.zeros(_WIDTH)
    for head, score in ((first, rest), (sink, _SINK)):
        constant[head.stop - 1] = score * (high - low)
        k[_TOKEN + BOS, head.stop - 1] = 1
    v[_TOKEN + 1 : _TOKEN + VOCABULARY, sink.start + 1 : sink.start + VOCABULARY] = torch.eye(VOCABULARY - 1)
    # A stream of zeros and ones is low and high after its norm: (x − low) / (high − low) gives back zeros and ones.
    scale = size**0.5  # what attention divides by
    weights = torch.cat([q * scale, k, v], 1) / (high - low)  # (width, 3 × width)
    bias = -low * weights.sum(0)
    bias[:_WIDTH] += constant * scale / (high - low)
    block.attn.c_attn.weight.copy_(weights)
    block.attn.c_attn.bias.copy_(bias)
    for start in (first.start, sink.start):
        block.attn.c_proj.weight[start : start + VOCABULARY, place : place + VOCABULARY] = torch.eye(VOCABULARY)


def _head(number):
    return slice(number * _WIDTH // 2, (number + 1) * _WIDTH // 2)


def _unit(ones):
    """What a LayerNorm makes of 0 and of 1 where a row has so many ones, all else being 0."""
    row = torch.zeros(_WIDTH)
    row[:ones] = 1
    row[-2:] = torch.tensor([_BALLAST, -_BALLAST])
    row = (row - row.mean()) / row.var(unbiased=False).sqrt()
    return row[ones].item(), row[0].item()
