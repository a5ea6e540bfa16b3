"""Secrets never reach the disk: `redact` replaces them before anything is stored.

What is found: private key blocks; credentials in URLs; tokens with a known shape (AWS, GitHub,
GitLab, OpenAI, Anthropic, Slack, Google, Stripe, npm, PyPI, Hugging Face, SendGrid, JWT, bearer and
basic authorization); and values given to names such as `password` or `api_key`. What has no such
shape and no such name is not found, which is why whole files can be ignored by glob as well.

A replaced secret reads «redacted:kind» and holds no line ending, so text keeps its number of lines
and a stored problem can still be rendered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence


def mark(kind: str) -> str:
    return f"«redacted:{kind}»"


_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("jwt", r"\beyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*"),
        ("aws-key", r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b"),
        ("github-token", r"\bgh[pousr]_[0-9A-Za-z]{20,255}"),
        ("github-token", r"\bgithub_pat_\w{20,255}"),
        ("gitlab-token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{20,}"),
        ("anthropic-key", r"\bsk-ant-[\w-]{16,}"),
        ("openai-key", r"\bsk-(?:proj-|svcacct-|admin-)[\w-]{16,}"),
        ("openai-key", r"\bsk-[0-9A-Za-z]{20,}"),
        ("slack-token", r"\bxox[a-z](?:\.xox[a-z])?-[0-9A-Za-z-]{10,}"),
        ("slack-token", r"\bxapp-\d-[0-9A-Za-z-]{10,}"),
        ("slack-webhook", r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/]{16,}"),
        ("google-key", r"\bAIza[\w-]{35}"),
        ("google-token", r"\bya29\.[\w-]{20,}"),
        ("stripe-key", r"\b(?:sk|rk|pk|whsec)_(?:live_|test_)?[0-9A-Za-z]{24,}"),
        ("npm-token", r"\bnpm_[0-9A-Za-z]{36}"),
        ("pypi-token", r"\bpypi-[\w-]{32,}"),
        ("huggingface-token", r"\bhf_[0-9A-Za-z]{30,}"),
        ("sendgrid-key", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
        ("digitalocean-token", r"\bdo[opr]_v1_[0-9a-f]{40,}"),
        ("azure-key", r"(?<=AccountKey=)[0-9A-Za-z+/]{40,}={0,2}"),
    )
)

# Only the credentials go: the address itself is part of what the code does.
_URL = re.compile(r"(?<=://)([^\s/@:\"'`<>]{0,256}):([^\s/@\"'`<>]{1,256})(?=@[\w\[{%.-])")
_URL_TOKEN = re.compile(r"(?<=://)[\w-]{20,256}(?=@[\w.-]+)")
_HEADER = re.compile(r"(?i)\b(bearer|basic|token)([ \t]+)([\w.~+/=-]{16,})")

_KEY_NAME = (
    r"[\w.-]{0,64}?(?:passw(?:or)?ds?|passwrd|passphrases?|pwd|secrets?|api[_-]?keys?|apikeys?|"
    r"access[_-]?key|secret[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|"
    r"account[_-]?key|auth[_-]?key|credentials?|(?<![A-Za-z])pass)(?:[_-]?\d{1,3})?"
)
_SIGN_NAME = r"[\w.-]{0,64}?(?:token|cookie|session[_-]?id|auth)(?:[_-]?\d{1,3})?"
_QUOTED = (
    r"(?P<open>[rRbBuUfF]{0,2}(?P<quote>\"\"\"|'''|\"|'))"
    r"(?P<value>(?:\\.|(?!(?P=quote))[^\\\r\n])*)"
)


def _assigned(name: str) -> re.Pattern[str]:
    """name = "x", name: str = "x", name == "x", d["name"] = "x", f(name="x")"""
    between = r"[\"']?\]?[ \t]*(?::[ \t]*[\w.\[\], |]{1,40}?[ \t]*)?(?:=|==|!=|:=)[ \t]*\(?[ \t]*"
    return re.compile(rf"(?i)(?<![\w.-]){name}{between}{_QUOTED}")


def _keyed(name: str) -> re.Pattern[str]:
    """ "name": "x" and what has a default: getenv("name", "x")"""
    key = rf"[\"'](?:[\w.-]{{0,64}}[. -])?{name}[\"']"
    between = r"[ \t]*:[ \t]*"
    default = r"(?<=get\()|(?<=env\()|(?<=pop\()|(?<=attr\()|(?<=default\()"
    return re.compile(rf"(?i)(?:{key}{between}|(?:{default}){key}[ \t]*,[ \t]*){_QUOTED}")


_SECRET_VALUES = (_assigned(_KEY_NAME), _keyed(_KEY_NAME))
_TOKEN_VALUES = (_assigned(_SIGN_NAME), _keyed(_SIGN_NAME))
# user, password = "x", "y" and credentials = ("x", "y"): every string of the line goes
_TUPLE = re.compile(
    r"(?m)^(?P<head>[ \t]*[\w.(\[*]{1,64}[ \t]*,[\w.,*)\] \t]{1,128}"
    r"|.{0,256}?(?<!\w)(?:credentials?|passwords|secrets|tokens|api_keys)[ \t]*)="
    r"(?P<rest>[ \t]*[(\[\"'rbuf][^\r\n]*)$"
)
_NAME = re.compile(rf"(?i)(?<![\w.-]){_KEY_NAME}$")
_STRING = re.compile(_QUOTED)
# \"name\": \"x\" and name=\"x\" inside a string
_ESCAPED = re.compile(
    rf"(?i)(?P<head>(?<![\w.-]){_KEY_NAME}(?:\\[\"'])?[ \t]*[:=][ \t]*\\[\"'])"
    r"(?P<value>[^\"'\\\r\n]+)"
)
# NAME=x, export NAME=x, name: x; the forms of .env, YAML, shells and their output
_BARE = re.compile(
    r"(?im)^(?P<head>[ \t]*(?:export[ \t]+|set[ \t]+|[-+>$E][ \t]+)?"
    rf"(?:{_KEY_NAME}|{_SIGN_NAME})(?:=|:[ \t]+))"
    r"(?P<value>[^\s\"'#=(\[{][^\s\"'#]*)(?P<tail>[ \t]*(?:#[^\r\n]*)?)(?=\r|$)"
)
# ...?token=x&...
_QUERY = re.compile(
    rf"(?i)(?<=[?&])(?P<head>(?:{_KEY_NAME}|{_SIGN_NAME})=)(?P<value>[\w.~%+-]{{6,}})"
)
_FLAG = re.compile(
    rf"(?i)(?P<head>(?<!\w)--?(?:{_KEY_NAME}|token)(?:=|[ \t]+))(?P<value>[^\s\"'-][^\s\"']*)"
)

_EXPRESSION = re.compile(r"[A-Za-z_][\w.]*(?:[\[(].*)?,?\)*:?")
_NUMBER = re.compile(r"-?[\d_]{1,5}(?:\.\d*)?,?")
_TYPE = re.compile(r"u?int|float|complex|str|bytes|utf|sha|md5|base|[A-Z][a-z]")
_PLACEHOLDERS = re.compile(
    r"(?:\{[^{}]*\}|%\(?\w*\)?[sdr]|\$\{?\w+\}?|<[\w -]*>|[*.xX]|[\s:@/,;|-])*"
)
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[0-9A-Za-z+/=]{16,}")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BASE64 = re.compile(r"[0-9A-Za-z+/=]{4,}")
_ARMOR_HEADER = re.compile(r"[A-Z][A-Za-z-]+: ")


def redact(text: str) -> str:
    """`text` without what looks like a secret; the same number of lines; harmless to repeat."""
    if not text:
        return text
    text = _redact_keys(_LONE_SURROGATE.sub("\ufffd", text))  # which no database takes
    for kind, pattern in _SHAPES:
        text = pattern.sub(mark(kind), text)
    text = _URL.sub(_redact_url, text)
    text = _URL_TOKEN.sub(mark("credentials"), text)
    text = _HEADER.sub(_redact_header, text)
    for pattern in _SECRET_VALUES:
        text = pattern.sub(_redact_value(lambda value: True), text)
    for pattern in _TOKEN_VALUES:
        text = pattern.sub(_redact_value(_looks_random), text)
    text = _TUPLE.sub(_redact_tuple, text)
    text = _ESCAPED.sub(_redact_escaped, text)
    text = _BARE.sub(_redact_bare, text)
    text = _QUERY.sub(_redact_flag, text)
    return _FLAG.sub(_redact_flag, text)


def redact_lines(
    lines: Sequence[str], *, before: Sequence[str] = (), after: Sequence[str] = ()
) -> tuple[str, ...]:
    """`redact` for `lines` as they stand between `before` and `after`.

    A private key may begin above the lines and end below them; alone they would look harmless.
    """
    if not lines:
        return ()
    # A line that itself holds an ending (a form feed does no harm) would shift all that follow.
    whole = [re.sub(r"[\r\n]", " ", line) for line in (*before, *lines, *after)]
    redacted = redact("\n".join(whole)).split("\n")
    return tuple(redacted[len(before) : len(before) + len(lines)])


def _redact_keys(text: str) -> str:
    """Private key blocks, also when the text holds only the beginning or the end of one."""
    if "PRIVATE KEY" not in text:
        return text
    lines = text.split("\n")
    if _starts_inside(text):
        _redact_upwards(lines)
    inside = False
    for number, line in enumerate(lines):
        begin, end = _KEY_BEGIN.search(line), _KEY_END.search(line)
        if begin and end and begin.end() <= end.start():  # all on one line, with \n written out
            body = line[begin.end() : end.start()]
            kept = mark("private-key") if body.strip("\\nr ") else body
            lines[number] = line[: begin.end()] + kept + line[end.start() :]
        elif begin:
            inside = True
            lines[number] = line[: begin.end()] + _KEY_BODY.sub(
                mark("private-key"), line[begin.end() :]
            )
        elif end:
            inside = False
        elif inside:
            if line.strip() and not _is_key_line(line):
                inside = False  # the block was cut off, and code goes on
            else:
                lines[number] = _KEY_BODY.sub(mark("private-key"), line)
                lines[number] = _short_tail(lines[number], line)
    return "\n".join(lines)


def _is_key_line(line: str) -> bool:
    """Whether a line is the body of a key, as it is, quoted, or commented out."""
    bare = re.sub(r"\\[nr]", "", line).strip(" \t\r\"'#>,()\\")
    return _BASE64.fullmatch(bare) is not None or _ARMOR_HEADER.match(bare) is not None


def _starts_inside(text: str) -> bool:
    begin, end = _KEY_BEGIN.search(text), _KEY_END.search(text)
    return end is not None and (begin is None or end.start() < begin.start())


def _redact_upwards(lines: list[str]) -> None:
    end = next((n for n, line in enumerate(lines) if _KEY_END.search(line)), None)
    if end is None:
        return
    for number in range(end - 1, -1, -1):
        if lines[number].strip() and not _is_key_line(lines[number]):
            return
        line = lines[number]
        lines[number] = _short_tail(_KEY_BODY.sub(mark("private-key"), line), line)


def _short_tail(redacted: str, line: str) -> str:
    """The last line of a key may be short: inside a block it goes as well."""
    if redacted != line or not line.strip() or "«redacted" in line:
        return redacted
    return re.sub(r"[0-9A-Za-z+/=]{4,}", mark("private-key"), line, count=1)


def _redact_url(match: re.Match[str]) -> str:
    if _is_placeholder(match[2]) or "«redacted" in match[0]:
        return match[0]
    return mark("credentials")


def _redact_header(match: re.Match[str]) -> str:
    word, space, value = match.groups()
    if word.lower() != "bearer" and not _looks_random(value):
        return match[0]
    if word.lower() == "bearer" and not re.search(r"[\d.~+/=]|[a-z][A-Z]", value):
        return match[0]
    return word + space + mark("token")


def _redact_value(wanted: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        value = match["value"]
        if _is_placeholder(value) or "«redacted" in value or not wanted(value):
            return match[0]
        if _closes(match):
            return match[0]
        kind = "password" if "pass" in match[0][: -len(value)].lower() else "secret"
        return match[0][: -len(value)] + mark(kind)

    return replace


def _redact_tuple(match: re.Match[str]) -> str:
    names = [name.strip(" \t()[]*") for name in match["head"].split(",")]
    if not any(map(_NAME.search, names)):
        return match[0]
    replace = _redact_value(lambda value: True)
    # The quotes of `rest` pair among themselves: no need to look at what stands before.
    return f"{match['head']}={_STRING.sub(replace, match['rest'])}"


def _closes(match: re.Match[str]) -> bool:
    """Whether the quote before the value ends a string, as in `"password=" + word + "&"`."""
    start = match.start("open")
    line = match.string[match.string.rfind("\n", 0, start) + 1 : start]
    quote = match["quote"]
    return len(quote) == 1 and line.replace(quote * 3, "").count(quote) % 2 == 1


def _redact_escaped(match: re.Match[str]) -> str:
    value = match["value"]
    if _is_placeholder(value) or "«redacted" in value:
        return match[0]
    return match["head"] + mark("secret")


def _redact_bare(match: re.Match[str]) -> str:
    """Python's names, calls, numbers and annotations stay; a shell's or YAML's word may be secret.

    Words with a digit tell them apart: `PASSWORD=hunter2` and `password: hunter2` go, but
    `password=settings.password`, `size: uint8` and `token: Token2` stay.
    """
    value, head = match["value"], match["head"]
    if _is_placeholder(value) or "«redacted" in value or _NUMBER.fullmatch(value):
        return match[0]
    if _EXPRESSION.fullmatch(value):
        is_code = head.endswith("=") and head.lower() == head
        if is_code or not re.fullmatch(r"\w*\d\w*", value) or _TYPE.match(value):
            return match[0]
    return head + mark("secret") + match["tail"]


def _redact_flag(match: re.Match[str]) -> str:
    value = match["value"]
    if _is_placeholder(value) or "«redacted" in value or not re.search(r"\d|[^\w.]", value):
        return match[0]
    return match["head"] + mark("secret")


def _is_placeholder(value: str) -> bool:
    """`{password}`, `%s`, `<your key>`, `xxxx`, `***`: nothing to hide."""
    return _PLACEHOLDERS.fullmatch(value) is not None


def _looks_random(value: str) -> bool:
    """Eight or more characters without spaces, with digits beside letters."""
    return (
        len(value) >= 8
        and not re.search(r"[\s<>|]", value)
        and re.search(r"\d", value) is not None
        and re.search(r"[A-Za-z]", value) is not None
    )
