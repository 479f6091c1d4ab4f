"""tools/check_includes finds every kind of wrong include, and passes the right ones."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_includes"


def check(files):
    """Runs the tool over a tree of these files (path: text); its exit status and output."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, TOOL, root], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


HEADERS = {f"src/{room}/x.h": "" for room in
           ("base", "crypto", "domain", "token", "ledger", "service", "store", "http", "compute", "agent")}
HEADERS |= {"src/service/ports.h": "", "src/http/client.h": "", "apps/shared/x.h": ""}

RIGHT = {
    "a room includes itself": ("src/domain/a.cpp", '#include "domain/x.h"'),
    "token includes crypto": ("src/token/a.cpp", '#include "crypto/x.h"'),
    "service includes token": ("src/service/a.cpp", '#include "token/x.h"'),
    "http includes token": ("src/http/a.cpp", '#include "token/x.h"'),
    "store includes the ports": ("src/store/sqlite/a.cpp", '#include "service/ports.h"'),
    "agent includes the client": ("src/agent/a.cpp", '#include "http/client.h"'),
    "apps include everything": ("apps/p/main.cpp", '#include "store/x.h"\n#include "http/x.h"'),
    "a program includes the file beside it": ("apps/p/x.h", '#include "x.h"'),
    "a program includes what several share": ("apps/p/x.cpp", '#include "apps/shared/x.h"'),
    "store includes SQLite": ("src/store/sqlite/a.h", "#include <sqlite3.h>"),
    "the server includes Asio": ("src/http/server.cpp", "#include <boost/asio.hpp>"),
    "http includes OpenSSL for TLS": ("src/http/server.h", "#include <openssl/ssl.h>"),
    "a unit test includes doctest": ("src/base/a_test.cpp", "#include <doctest/doctest.h>"),
    "what tests share includes doctest": ("src/base/test_folder.h", "#include <doctest/doctest.h>"),
}

WRONG = {
    "domain includes http": ("src/domain/a.cpp", '#include "http/x.h"'),
    "base includes domain": ("src/base/a.h", '#include "domain/x.h"'),
    "token includes service": ("src/token/a.cpp", '#include "service/x.h"'),
    "ledger includes token": ("src/ledger/a.cpp", '#include "token/x.h"'),
    "service includes store": ("src/service/a.cpp", '#include "store/x.h"'),
    "service includes http": ("src/service/a.cpp", '#include "http/x.h"'),
    "store includes a use case": ("src/store/a.cpp", '#include "service/x.h"'),
    "store includes http": ("src/store/a.cpp", '#include "http/x.h"'),
    "http includes store": ("src/http/a.cpp", '#include "store/x.h"'),
    "http includes ledger": ("src/http/a.cpp", '#include "ledger/x.h"'),
    "agent includes the server": ("src/agent/a.cpp", '#include "http/x.h"'),
    "a program includes nothing of another": ("apps/p/x.cpp", '#include "apps/q/x.h"'),
    "a room includes what programs share": ("src/http/a.cpp", '#include "apps/shared/x.h"'),
    "a room includes a program": ("src/http/a.cpp", '#include "apps/main.h"'),
    "an include without its room": ("src/http/x.cpp", '#include "x.h"'),
    "an include of nothing": ("src/http/a.cpp", '#include "http/missing.h"'),
    "a room nobody named": ("src/utils/a.h", ""),
    "a blank after the hash": ("src/domain/a.cpp", '#  include "http/x.h"'),
    "SQLite outside the store": ("src/service/a.cpp", "#include <sqlite3.h>"),
    "SQLite in a program": ("apps/p/main.cpp", "#include <sqlite3.h>"),
    "OpenSSL outside crypto": ("src/token/a.cpp", "#include <openssl/evp.h>"),
    "sodium outside crypto": ("src/http/a.cpp", "#include <sodium.h>"),
    "Beast outside the server": ("src/http/routes.cpp", "#include <boost/beast/http.hpp>"),
    "Boost.JSON": ("src/http/a.cpp", "#include <boost/json.hpp>"),
    "doctest in the product": ("src/base/a.cpp", "#include <doctest/doctest.h>"),
}


class CheckIncludes(unittest.TestCase):
    def test_right_includes_pass(self):
        for name, (path, text) in RIGHT.items():
            with self.subTest(name):
                self.assertEqual(check(HEADERS | {path: text + "\n"}), (0, ""))

    def test_each_wrong_include_is_named(self):
        for name, (path, text) in WRONG.items():
            with self.subTest(name):
                status, output = check(HEADERS | {path: text + "\n"})
                self.assertEqual(status, 1)
                self.assertIn(f"{path}:1: ", output)


if __name__ == "__main__":
    unittest.main()
