"""
Tests for `llamaswap_tw.observe.masking`.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.masking import Masks, names_secret

#: None of what stands for a secret here may be left of what is masked.
SECRET = "hunter2!"


class NamesTests(SynchronousTestCase):
    """
    What is called like a secret is one.
    """

    def test_secret(self) -> None:
        """
        Keys, tokens and passwords are, however that is written.
        """
        for name in (
            *("HF_TOKEN", "OPENAI_API_KEY", "apiKey", "api-key", "APIKEY", "token"),
            *("DB_PASSWORD", "passwd", "client_secret", "AWS_SECRET_ACCESS_KEY"),
            *("Authorization", "proxy-authorization", "x-api-key", "Cookie", "hft"),
            *("GITHUB_PAT", "MyApiToken", "BASIC_AUTH", "sudoPass"),
        ):
            self.assertTrue(names_secret(name), name)

    def test_harmless(self) -> None:
        """
        What merely sounds like it is none.
        """
        for name in (
            *("MAX_TOKENS", "TOKENIZERS_PARALLELISM", "n_tokens", "keepalive"),
            *("api-key-file", "ssl-key-file", "SSH_KEY_PATH", "AUTHOR", "monkey"),
            *("CUDA_VISIBLE_DEVICES", "max-token-length", "PATH", "compass", "", "1"),
        ):
            self.assertFalse(names_secret(name), name)


class TextTests(SynchronousTestCase):
    """
    Secrets in a text are masked, and the rest is left.
    """

    def test_masked(self) -> None:
        """
        Options, variables, headers, members, queries and addresses are looked into,
        quoted or not.
        """
        for text, masked in (
            ("serve --api-key S --port 1", "serve --api-key … --port 1"),
            ("serve --api-key=S --port 1", "serve --api-key=… --port 1"),
            ("serve --api-key 'S S' -c 1", "serve --api-key … -c 1"),
            ('serve --api-key "S \\" S" -c 1', "serve --api-key … -c 1"),
            ('serve --api-key="S" -c 1', "serve --api-key=… -c 1"),
            (
                "serve \\\n  --api-key \\\n  S \\\n  -c 1",
                "serve \\\n  --api-key \\\n  … \\\n  -c 1",
            ),
            ("llama-server -hft S -hf a/b", "llama-server -hft … -hf a/b"),
            ("docker run -e HF_TOKEN=S image", "docker run -e HF_TOKEN=… image"),
            ("env 'A_KEY=S' serve", "env 'A_KEY=… serve"),
            ("curl -H 'Authorization: Bearer S' x", "curl -H 'Authorization: …' x"),
            ("curl -H 'X-Api-Key: S' x", "curl -H 'X-Api-Key: …' x"),
            ("curl -H 'X: bearer S' x", "curl -H 'X: bearer …' x"),
            (
                """serve '{"api_key": "S", "n": 1}'""",
                """serve '{"api_key": …, "n": 1}'""",
            ),
            ("http://me:S@host:1/v1", "http://…@host:1/v1"),
            ("http://host/v1?n=1&token=S&m=2", "http://host/v1?n=1&token=…&m=2"),
            ("serve --api-key 'S", "serve --api-key …"),
        ):
            found = Masks([]).text(text.replace("S", SECRET))
            self.assertNotIn(SECRET, found)
            if text != "env 'A_KEY=S' serve":
                # A quote that begins before the name swallows what follows it.
                self.assertEqual(found, masked)

    def test_left(self) -> None:
        """
        What is no secret is as it was.
        """
        for text in (
            "serve --port 5800 -m model.gguf --max-tokens 100",
            "serve --no-auth --port 1",
            "serve --api-key-file /etc/keys",
            "docker run -v /keys:/keys -p 1:2 image",
            "http://localhost:5800/v1?n=1",
            "it's fine",
            "",
        ):
            self.assertEqual(Masks([]).text(text), text)

    def test_known(self) -> None:
        """
        A secret that is known is masked wherever it is, the longest first; one that is
        very short is not looked for.
        """
        masks = Masks(["abcd", "abcdef", "e", ""])
        self.assertEqual(
            masks.text("serve -x abcdef -y xabcdx e"), "serve -x … -y x…x e"
        )

    def test_long(self) -> None:
        """
        A long text is masked in a time that grows with its length, not with the square
        of that, whatever is in it.
        """
        began = time.perf_counter()
        for piece in (
            *("--key ", '"', "'a", "\\", '--api-key "', "a=b ", "http://", "a-", "a."),
            *("?a", "&a=", "key:", "--a \\\n", '"a":', "x://a", " "),
        ):
            Masks(["abcd"]).text(piece * 20_000)
        # It takes a second here, and took minutes for one of them alone.
        self.assertLess(time.perf_counter() - began, 30.0)


class DocumentTests(SynchronousTestCase):
    """
    What has names is masked by those.
    """

    def test_environment(self) -> None:
        """
        A variable is masked by its name, its value looked into otherwise; one that is
        empty is no secret.
        """
        self.assertEqual(
            Masks([]).environment(
                {
                    "HF_TOKEN": SECRET,
                    "EMPTY_KEY": "",
                    "URL": f"http://me:{SECRET}@host",
                    "N": "1",
                }
            ),
            {"HF_TOKEN": "…", "EMPTY_KEY": "", "URL": "http://…@host", "N": "1"},
        )

    def test_environment_known(self) -> None:
        """
        A model's secrets are masked in its command too.
        """
        masks = Masks(["other"]).knowing({"HF_TOKEN": SECRET, "MODE": "fast"})
        self.assertEqual(masks.text(f"serve {SECRET} other fast"), "serve … … fast")

    def test_nested(self) -> None:
        """
        A document is masked however deep it is, and keeps its types.
        """
        self.assertEqual(
            Masks(["abcdef"]).document(
                {
                    "api_key": SECRET,
                    "max_tokens": 5,
                    "extra": [{"token": SECRET, "n": None}, "x abcdef", True],
                    "key": 7,
                }
            ),
            {
                "api_key": "…",
                "max_tokens": 5,
                "extra": [{"token": "…", "n": None}, "x …", True],
                "key": 7,
            },
        )
