"""Chat messages: the tokenizer's template, special tokens once, and of which message each token is."""

import pytest
import transformers as hf

import tiny
from attnwidget import AttentionTrace, capture
from attnwidget.capture import CaptureError

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '[' + message['role'] + '] ' + message['content'] + eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)
# As Llama 2's: the system's words stand within the user's turn, and alone they are refused.
FOLDED = (
    "{% if messages[0]['role'] == 'system' %}{% set rules = '<<' + messages[0]['content'] + '>>' %}"
    "{% set messages = messages[1:] %}{% else %}{% set rules = '' %}{% endif %}"
    "{% if not messages %}{{ raise_exception('a user must speak') }}{% endif %}"
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ bos_token + '(' + (rules if loop.first else '') + message['content'] + ')' }}"
    "{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
]


def tokenizer(template=TEMPLATE):
    found = tiny.tokenizer(marks=True)
    found.chat_template = template
    return found


def turns(trace):
    """The text of each segment."""
    found = {}
    for token, segment in zip(trace.raw_tokens, trace.segments, strict=True):
        found[segment] = found.get(segment, "") + token.replace("Ġ", " ")
    return list(found.values())


def test_a_chat_is_written_by_the_template_and_marked_by_turns(tmp_path):
    with_template = tokenizer()
    trace = capture(tiny.gpt2(), CHAT, tokenizer=with_template)
    assert trace.ids == with_template.apply_chat_template(CHAT, tokenize=True, return_dict=True)["input_ids"]
    assert trace.ids.count(0) == 1  # <s> is not doubled
    assert turns(trace) == ["<s>[system] Be kind.</s>", "[user] Hi</s>", "[assistant] Hello</s>"]
    assert not trace.notices
    trace.save(tmp_path / "a")
    assert AttentionTrace.load(tmp_path / "a").segments == trace.segments


def test_a_template_that_refuses_single_messages():
    trace = capture(tiny.gpt2(), CHAT, tokenizer=tokenizer(FOLDED))
    assert turns(trace) == ["<s>(<<Be kind.", ">>Hi)", "Hello</s>"]


def test_a_template_that_leaves_words_out_says_so():
    silent = TEMPLATE.replace("for message in messages", "for message in messages if message['role'] != 'system'")
    with pytest.warns(UserWarning, match=r"does not write message 0 \(system\) word for word"):
        trace = capture(tiny.gpt2(), CHAT, tokenizer=tokenizer(silent))
    assert turns(trace) == ["<s>", "[user] Hi</s>", "[assistant] Hello</s>"]


def test_generating_opens_the_assistants_turn():
    trace = capture(tiny.gpt2(hf.GPT2LMHeadModel), CHAT[:2], tokenizer=tokenizer(), generate=3)
    assert turns(trace)[2].startswith("[assistant] ")
    assert set(trace.segments) == {0, 1, 2}
    assert {segment for segment, own in zip(trace.segments, trace.generated, strict=True) if own} == {2}


class Slow(hf.PreTrainedTokenizerFast):
    """Without offsets."""

    is_fast = False


def test_a_tokenizer_without_offsets():
    fast = tokenizer()
    slow = Slow(tokenizer_object=fast.backend_tokenizer, bos_token="<s>", eos_token="</s>", chat_template=TEMPLATE)
    assert capture(tiny.gpt2(), CHAT, tokenizer=slow).segments == capture(tiny.gpt2(), CHAT, tokenizer=fast).segments


def test_content_in_parts():
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    joined = TEMPLATE.replace("message['content']", "message['content'][0]['text']")
    assert turns(capture(tiny.gpt2(), parts, tokenizer=tokenizer(joined))) == ["<s>[user] Hi</s>"]
    parts[0]["content"] = [{"type": "image"}]
    with pytest.raises(CaptureError, match="message 0 holds image: only text can be captured"):
        capture(tiny.gpt2(), parts, tokenizer=tokenizer(joined))


def test_what_cannot_be_is_refused():
    model = tiny.gpt2()
    with pytest.raises(CaptureError, match=r"no chat template.*set tokenizer\.chat_template"):
        capture(model, CHAT, tokenizer=tokenizer(None))
    with pytest.raises(CaptureError, match=r"template refuses these messages: .*a user must speak"):
        capture(model, CHAT[:1], tokenizer=tokenizer(FOLDED))
    with pytest.raises(ValueError, match="add_special_tokens has no meaning for chat messages"):
        capture(model, CHAT, tokenizer=tokenizer(), add_special_tokens=True)
    with pytest.raises(TypeError, match="one chat message alone: give a list"):
        capture(model, CHAT[0], tokenizer=tokenizer())
