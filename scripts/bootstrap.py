"""Create or complete `.venv`: `python3 scripts/bootstrap.py serve|train`.

Only the standard library, and only syntax that old Pythons take, so that a Python that is too old
gets a message instead of a SyntaxError. A second run finds its stamp and returns at once.
"""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(BIN, "python")
# The compiled part: minutes of one CPU core on a 2020s x86-64 machine, shown while it builds.
LLAMA_CPU_MINUTES = 9
EXTRAS = {"serve": "", "train": "[train,dev,browse]"}
# Whetstone reads text only: leaving the image and audio parts out saves minutes of compiling.
# GCC leaves out how llama.cpp sets up the tiles of AMX (its pull request 26954), and a processor
# that has them ends the process at the first quantized matrix: compiled as if there were none.
CMAKE_ARGS = "-DLLAVA_BUILD=OFF"
if os.name != "nt":
    CMAKE_ARGS += " -DCMAKE_C_FLAGS=-U__AMX_INT8__ -DCMAKE_CXX_FLAGS=-U__AMX_INT8__"
TILES = b"_ZN4ggml3cpu3amx"  # begins the names of functions that only such a library has
NEEDED_GB = {"serve": 1.0, "train": 4.0}


def fail(message):
    sys.exit("\nerror: " + message)


def check_machine(profile):
    """Name what is missing, and how to get it, before anything is downloaded."""
    if sys.version_info < (3, 11):
        fail(
            "Python 3.11 or newer is needed; this is %d.%d (%s).\n"
            "  Debian 12, Ubuntu 24.04: sudo apt install python3 python3-venv\n"
            "  elsewhere: install Python 3.12 and run `make PYTHON=python3.12 ...`"
            % (sys.version_info[0], sys.version_info[1], sys.executable)
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        fail("Python's venv module is missing.\n  Debian, Ubuntu: sudo apt install python3-venv")
    compilers = [os.environ.get("CXX"), "c++", "g++", "clang++", "cl"]
    if not any(name and shutil.which(name.split()[0]) for name in compilers):
        fail(
            "a C++ compiler is needed to build llama.cpp, and none was found.\n"
            "  Debian, Ubuntu: sudo apt install g++\n"
            "  macOS: xcode-select --install\n"
            "  Windows: the Build Tools for Visual Studio, with C++"
        )
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < NEEDED_GB[profile]:
        fail(
            "%.1f GB are free in %s, about %.0f GB are needed. Free some space first."
            % (free_gb, ROOT, NEEDED_GB[profile])
        )


def stamp_path(profile):
    return os.path.join(VENV, "whetstone-%s.stamp" % profile)


def fingerprint():
    """Changes when the wanted packages change, or the checkout moved."""
    digest = hashlib.sha256((ROOT + CMAKE_ARGS).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as stream:
            digest.update(stream.read())
    return digest.hexdigest()


def is_current(profile):
    for path in (stamp_path(profile), PYTHON):
        if not os.path.exists(path):
            return False
    with open(stamp_path(profile)) as stream:
        return stream.read() == fingerprint()


def pip(arguments, what, minutes=None):
    """Run pip with one line of progress; print its output only when it fails."""
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install"]
    environment = dict(os.environ)
    environment.setdefault("CMAKE_ARGS", CMAKE_ARGS)
    began = time.time()
    lines = []
    process = subprocess.Popen(
        command + arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=ROOT,
    )
    for raw in process.stdout:
        line = raw.decode("utf-8", "replace").rstrip()
        lines.append(line)
        show(what, began, line, minutes)
    status = process.wait()
    clear_line()
    if status != 0:
        sys.stderr.write("\n".join(lines[-60:]) + "\n")
        explain(lines)
    print("  %-28s %s" % (what, duration(time.time() - began)))
    sys.stdout.flush()


def explain(lines):
    text = "\n".join(lines)
    if "No space left on device" in text:
        fail("the disk is full. Free some space and run the command again; it goes on from here.")
    if re.search(r"CMAKE_CXX_COMPILER|No CMAKE_C(XX)?_COMPILER|cmake.*not found", text):
        fail("llama.cpp could not be compiled. Debian, Ubuntu: sudo apt install g++ cmake")
    if re.search(r"Could not find a version|Temporary failure|Connection|Network", text):
        fail("a package could not be downloaded. Check the connection and run it again.")
    fail("pip failed; its last lines are above.")


def show(what, began, line, minutes):
    step = re.search(r"\[(\d+)/(\d+)\]", line)
    note = "compiling %s of %s files" % step.groups() if step else line.strip()[:60]
    if minutes and not step:
        note = "preparing, then compiling: about %d CPU minutes, once" % minutes
    if sys.stdout.isatty():
        text = "  %s: %s  %s" % (what, note, duration(time.time() - began))
        sys.stdout.write("\r\033[K" + text[: shutil.get_terminal_size().columns - 1])
    elif step and (int(step.group(1)) % 20 == 0 or step.group(1) == step.group(2)):
        sys.stdout.write("  %s: %s  %s\n" % (what, note, duration(time.time() - began)))
    sys.stdout.flush()


def clear_line():
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K")


def duration(seconds):
    return "%d min %02d s" % divmod(int(seconds), 60) if seconds >= 60 else "%.0f s" % seconds


def uses_tiles():
    """Was the installed llama.cpp compiled for AMX, although nobody asked for that?"""
    if "CMAKE_ARGS" in os.environ:
        return False
    for library in glob.glob(
        os.path.join(VENV, "lib", "*", "site-packages", "llama_cpp", "lib", "libggml-cpu*")
    ):
        with open(library, "rb") as stream:
            if TILES in stream.read():
                return True
    return False


def install(profile):
    constraints = ["-c", os.path.join(ROOT, "constraints.txt")]
    if not os.path.exists(PYTHON):
        print("Creating .venv with Python %d.%d" % sys.version_info[:2])
        subprocess.check_call([sys.executable, "-m", "venv", VENV])
    print("Installing what %s needs (once)" % ("serving" if profile == "serve" else "training"))
    if not os.path.exists(stamp_path("serve")):
        pip(constraints + ["-v", "llama-cpp-python"], "llama.cpp", LLAMA_CPU_MINUTES)
        if uses_tiles():  # pip kept a wheel that was compiled before
            subprocess.call(
                [PYTHON, "-m", "pip", "cache", "remove", "llama_cpp_python"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            again = ["--force-reinstall", "--no-deps", "-v", "llama-cpp-python"]
            pip(constraints + again, "llama.cpp without AMX", LLAMA_CPU_MINUTES)
    if profile == "train":
        # First and alone, so that nothing else asks for a newer torch with gigabytes of CUDA.
        pip(constraints + ["torch"], "torch")
    pip(constraints + ["-e", "." + EXTRAS[profile]], "Whetstone")
    for name in ("serve", profile):
        with open(stamp_path(name), "w") as stream:
            stream.write(fingerprint())


def main():
    profile = sys.argv[1] if len(sys.argv) == 2 else ""
    if profile not in EXTRAS:
        fail("usage: python3 scripts/bootstrap.py serve|train")
    if not is_current(profile):
        check_machine(profile)
        install(profile)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        fail("stopped. Run the command again; it goes on from here.")
