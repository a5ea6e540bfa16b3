"""Redaction: what must go, what must stay, and that lines stay lines."""

from __future__ import annotations

import time

import pytest

from whetstone.preferences.recording import redact_json, redact_problem, redact_replacement
from whetstone.preferences.redact import redact, redact_lines
from whetstone.problem import Diagnostic, Problem, Region, Replacement, Span

# Put together here so that no scanner takes this file for a leak.
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
GITHUB_FINE = "github_pat_" + "11ABCDEFG0123456789_abcdefghijklmnopqrstuvwxyz"
OPENAI = "sk-" + "T3BlbkFJabcdefghijklmnopqrstuvwx0123"
OPENAI_PROJECT = "sk-proj-" + "abc_DEF-0123456789abcdefghij"
ANTHROPIC = "sk-ant-" + "api03-abcdefghijklmnop0123"
SLACK = "xoxb-" + "123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
GOOGLE = "AIza" + "SyA-1234567890abcdefghijklmnopqrstu"
STRIPE = "sk_live_" + "abcdefghijklmnopqrstuvwx"
HUGGING = "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"

SECRETS = [
    ('passwords = ["hunter2xyzlist", "other"]', "hunter2xyzlist"),
    (f'client = boto3.client("s3", "{AWS}")', AWS),
    (f'aws_secret_access_key = "{AWS_SECRET}"', AWS_SECRET),
    (f"AWS_SECRET_ACCESS_KEY={AWS_SECRET}", AWS_SECRET),
    (f'g = Github("{GITHUB}")', GITHUB),
    (f"# {GITHUB_FINE}", GITHUB_FINE),
    (f"openai.api_key = '{OPENAI}'", OPENAI),
    (f'OpenAI("{OPENAI_PROJECT}")', OPENAI_PROJECT),
    (f'Anthropic("{ANTHROPIC}")', ANTHROPIC),
    (f'WebClient("{SLACK}")', SLACK),
    ("https://hooks.slack.com/services/T0000/B0000/XXXXabcdefXXXX12", "T0000/B0000"),
    (f'jwt.decode("{JWT}")', JWT),
    (f'headers = {{"Authorization": "Bearer {JWT}"}}', JWT),
    ('headers = {"Authorization": "Bearer abcdef0123456789abcdef"}', "abcdef0123456789abcdef"),
    ("curl -H 'Authorization: Basic dXNlcjpwYXNzd29yZDEyMw=='", "dXNlcjpwYXNzd29yZDEyMw"),
    (f'maps.Client("{GOOGLE}")', GOOGLE),
    (f'stripe.key("{STRIPE}")', STRIPE),
    (f'login("{HUGGING}")', HUGGING),
    ('password = "hunter2"', "hunter2"),
    ("passwd='hunter2'", "hunter2"),
    ('PASSWORD: str = "correct horse"', "correct horse"),
    ('db_password: Final[str] = "hunter2"', "hunter2"),
    ('connect(user="me", password="hunter2")', "hunter2"),
    ('connect(user="me", pwd=r"hunter2")', "hunter2"),
    ('config["password"] = "hunter2"', "hunter2"),
    ('os.environ["DB_PASSWORD"] = "hunter2"', "hunter2"),
    ('{"password": "hunter2", "user": "me"}', "hunter2"),
    ('os.environ.get("DB_PASSWORD", "hunter2")', "hunter2"),
    ('if password == "hunter2":', "hunter2"),
    ('self.client_secret = "abc"', '"abc"'),
    ('SECRET_KEY = b"django-insecure-xyz"', "django-insecure"),
    ("api_key = 'abc123'", "abc123"),
    ('password = ("hunter2")', "hunter2"),
    ('password = """hunter2"""', "hunter2"),
    (r'password = "hun\"ter2" + x', "ter2"),
    ('auth_token = "f81d4fae7dec11d0a765"', "f81d4fae7dec11d0a765"),
    ('{"session_id": "f81d4fae7dec11d0a765"}', "f81d4fae7dec11d0a765"),
    ('"postgres://admin:hunter2@db.example.com/app"', "hunter2"),
    ('"redis://:hunter2@localhost:6379/0"', "hunter2"),
    ("pip install https://f81d4fae7dec11d0a765@git.example.com/x", "f81d4fae7dec11d0a765"),
    ('user, password = "me", "hunter2"', "hunter2"),
    ('credentials = ("me", "hunter2")', "hunter2"),
    ('Client(credentials=("me", "hunter2"))', "hunter2"),
    ("DB_PASSWORD=hunter2", "hunter2"),
    (r'text = "{\"password\": \"hunter2\"}"', "hunter2"),
    ("os.system(\"mysql --password='hunter2' -u root\")", "hunter2"),
    ('settings.setdefault("password", "hunter2")', "hunter2"),
    ('""" password="hunter2" """', "hunter2"),
    ("export API_KEY=abc123", "abc123"),
    ("password: hunter2!", "hunter2!"),
    ("  password: hunter2  # mine", "hunter2"),
    ("DB_PASSWORD=hunter2\r\nX=1", "hunter2"),
    ("+ API_TOKEN=abc-def", "abc-def"),
    ("E   password=hunter2-and-more", "hunter2-and-more"),
    ("GET https://example.com/a?x=1&access_token=abc123def&y=2", "abc123def"),
    ("$ mysql --password=hunter2 -u root", "hunter2"),
]

HARMLESS = [
    '("username", "password", "repository")',
    "keywords = {'def', 'pass', 'break', 'return'}",
    'body = "password=" + quote(word) + "&user=" + name',
    "user_pass = '%s:%s' % (unquote(user), unquote(word))",
    'password = "****"',
    "password = getpass.getpass()",
    "password = None",
    'password = ""',
    "password: str",
    "    password: str | None = None,",
    "def login(user, password):",
    "connect(user=user, password=password)",
    "connect(password=settings.PASSWORD)",
    'password = os.environ["DB_PASSWORD"]',
    'PASSWORD = os.environ["DB_PASSWORD"]',
    "SECRET_KEY=config.get(1)",
    'password = input("password: ") + "x"',
    'parser.add_argument("--password", help="the password of the user")',
    'password = f"{password}"',
    'token = "if"',
    'if token == "lambda":',
    'pad_token = "<|endoftext|>"',
    "token = tokens[0]",
    'tokenizer = "qwen2"',
    'password_field = "pw_input"',
    'secret_name = "database"',
    'token_type="Bearer"',
    'url = "http://localhost:8080/a@b"',
    'url = f"postgres://{user}:{password}@{host}/{name}"',
    '"https://user:%s@example.com" % password',
    'email = "somebody@example.com"',
    "sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "uuid.UUID('f81d4fae-7dec-11d0-a765-00a0c91e6bf6')",
    'raise ValueError("the token has expired")',
    "the bearer of this message",
    "skip_tokens = sk_learn_helper_function_name",
    "F821 undefined name 'password'",
    "NameError: name 'api_key' is not defined",
    'key = "name"',
    "def compass(heading): pass",
    "    pass",
    "self.assertEqual(token, expected)",
    "for token in tokenize(text):",
    "password = hunter2",
    "print(password)",
    "assert token == 'x1'",
    "basic = understanding_of_the_thing",
    "    api_key: str | None",
    "    password: Optional[str]",
    "    token: Token2",
    "    auth=user or None,",
    "    password=get_password(",
    "    password=self.password,",
    "    token=tokens[0] if tokens else None,",
    "    max_token=256,",
    "    api_key: SecretStr = Field(...)",
    "case Token.SECRET: return 1",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_goes_and_its_surroundings_stay(text: str, secret: str) -> None:
    redacted = redact(text)
    assert secret not in redacted
    assert "«redacted:" in redacted
    before = text.index(secret)
    assert redacted[: max(0, before - 16)] == text[: max(0, before - 16)]
    assert redact(redacted) == redacted


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_code_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_quotes_stay_balanced_so_that_the_stored_code_still_parses() -> None:
    for text, _ in SECRETS:
        if '"' not in text and "'" not in text:
            continue  # a line of a shell or of a .env file
        if 'b"' in text:
            continue  # « is no ASCII; such a literal is still text to render
        try:
            compile(text, "x.py", "exec")
        except SyntaxError:
            continue
        compile(redact(text), "x.py", "exec")


BODY = ["MIIEowIBAAKCAQEAx3m9/1abcdefghijklmnopqrstuvwxyz0123456789ABCDEF", "q8Zc+/Aa=="]
BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"


def test_a_private_key_block_goes_line_by_line() -> None:
    text = "\n".join(['KEY = """' + BEGIN, BODY[0], BODY[0], BODY[1], END + '"""', "x = 1"])
    redacted = redact(text)
    assert BODY[0] not in redacted and BODY[1] not in redacted
    lines = redacted.split("\n")
    assert len(lines) == 6
    assert lines[0] == 'KEY = """' + BEGIN and lines[5] == "x = 1"
    assert lines[1] == "«redacted:private-key»"
    assert redact(redacted) == redacted


@pytest.mark.parametrize(
    ("before", "lines", "after"),
    [
        ([BEGIN], [BODY[0], BODY[1]], [END]),
        ([], [BODY[0], BODY[1]], [END]),
        ([BEGIN, BODY[0]], [BODY[0], BODY[1]], []),
    ],
)
def test_a_key_that_crosses_the_window_is_seen(
    before: list[str], lines: list[str], after: list[str]
) -> None:
    redacted = redact_lines(lines, before=before, after=after)
    assert len(redacted) == 2
    assert all("«redacted:private-key»" in line for line in redacted)


def test_a_key_on_one_line_goes() -> None:
    text = f'key = "{BEGIN}\\n{BODY[0]}\\n{END}\\n"'
    assert BODY[0] not in redact(text)
    assert redact(text).startswith(f'key = "{BEGIN}')


def test_a_key_in_adjacent_literals_goes_and_the_code_after_a_cut_key_stays() -> None:
    text = "\n".join(
        [
            f'"{BEGIN}\\n"',
            f'    "{BODY[0]}\\n"',
            "def function_with_a_long_name(x):",
            "    return x",
        ]
    )
    redacted = redact(text).split("\n")
    assert BODY[0] not in redacted[1]
    assert redacted[2:] == ["def function_with_a_long_name(x):", "    return x"]


def test_the_number_of_lines_never_changes() -> None:
    text = "\r\n".join(secret for secret, _ in SECRETS) + "\r\n\r\n" + BEGIN + "\n" + BODY[0]
    assert redact(text).count("\n") == text.count("\n")
    assert redact(text).count("\r") == text.count("\r")


def test_a_problem_keeps_its_shape() -> None:
    problem = Problem(
        name="app.py",
        diagnostic=Diagnostic(
            source="pyright",
            code="x",
            message=f'"{AWS}" is not defined',
            span=Span(start_line=3, end_line=3),
        ),
        region=Region(start=3, stop=4),
        head=('API_KEY = "abc123"',),
        above=("", BEGIN, BODY[0]),
        flagged=(BODY[0],),
        below=(END, 'password = "hunter2"'),
        hints=(f"import {GITHUB}",),
        failure=f"E   assert x\nE   token={GITHUB}\n",
    )
    redacted = redact_problem(problem)
    text = str(redacted.to_json())
    for secret in (AWS, "abc123", BODY[0], "hunter2", GITHUB):
        assert secret not in text
    assert [len(redacted.above), len(redacted.flagged), len(redacted.below)] == [3, 1, 2]
    assert redacted.region == problem.region
    answer = redact_replacement(problem, Replacement(kind="replace", lines=(BODY[0], BODY[1])))
    assert BODY[0] not in "".join(answer.lines) and len(answer.lines) == 2


def test_json_values_are_read_beside_their_keys() -> None:
    value = {"password": "hunter2", "n": 3, "list": [{"api_key": "abc"}, AWS], "ok": "fine"}
    redacted = redact_json(value)
    assert "hunter2" not in str(redacted) and "abc" not in str(redacted)
    assert AWS not in str(redacted)
    assert redacted["ok"] == "fine" and redacted["n"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "password" * 20_000,
        '"' * 50_000,
        "password = " + "\\" * 50_000,
        "://" + "a:" * 50_000,
        "x.password-" * 10_000,
        "-----BEGIN PRIVATE KEY-----\n" + "A" * 100_000,
        ("password" + " " * 500) * 200,
        "eyJaaaaaaaaa." * 10_000,
        'password = "' + "x" * 50_000 + 'y"',
        'password = "' + "{" * 5_000 + '"',
        "-----BEGIN PRIVATE KEY-----\n" + "!" * 100_000,
        "token=" * 20_000,
        "Bearer " * 20_000,
    ],
)
def test_hostile_text_takes_no_long_time(text: str) -> None:
    begin = time.process_time()
    redact(text)
    assert time.process_time() - begin < 10
