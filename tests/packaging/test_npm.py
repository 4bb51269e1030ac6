"""The npm package as `npm pack` makes it, installed into a project of its own and used in each way it can be."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import tomllib
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from support.factories import Serve
from support.packed import CLIENT, run
from support.server import ROOT
from support.waiting import until

APP = Path(__file__).parent / "npm_app"
TYPES = CLIENT / "test" / "types"
GUIDE = ROOT / "docs" / "guide" / "react.md"
PROGRAMS = re.compile(r"<!-- compile -->\n```tsx\n(.*?)```", re.DOTALL)

PROJECT = {
    "private": True,
    "type": "module",
    "dependencies": dict.fromkeys(("react", "react-dom", "socket.io-client"), "*"),
    "devDependencies": dict.fromkeys(("@types/react", "esbuild", "typescript"), "*"),
}
STRICT = {
    "target": "ES2022", "lib": ["ES2022", "DOM", "DOM.Iterable"], "jsx": "react-jsx", "noEmit": True, "types": [],
    "strict": True, "exactOptionalPropertyTypes": True, "noUncheckedIndexedAccess": True, "isolatedModules": True,
}
CONSUMERS = {
    "bundler": ("module", {"module": "ESNext", "moduleResolution": "bundler", "verbatimModuleSyntax": True}),
    "node16": ("module", {"module": "node16", "moduleResolution": "node16", "verbatimModuleSyntax": True}),
    "node16-require": ("commonjs", {"module": "node16", "moduleResolution": "node16"}),
    "nodenext": ("module", {"module": "nodenext", "moduleResolution": "nodenext"}),
}
SHAPES = "import('simplesfu').then(async (main) => console.log(JSON.stringify(" \
    "[Object.keys(main).sort(), Object.keys(await import('simplesfu/react')).sort()])))"
REQUIRED = "console.log(JSON.stringify(" \
    "[Object.keys(require('simplesfu')).sort(), Object.keys(require('simplesfu/react')).sort()]))"
EXPORTED = [["SimplePeer", "SimplePeerError"], ["PeerAudio", "PeerVideo", "useLocalTrack", "useSimplePeer"]]
PROBLEMS = """
import { readFile } from "node:fs/promises";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
const data = new Uint8Array(await readFile(process.argv[2]));
const { problems } = await checkPackage(createPackageFromTarballData(data), { entrypoints: [".", "react"] });
console.log(JSON.stringify(problems));
"""
POLICY = "script-src 'self' 'unsafe-inline'; connect-src 'self' ws:; object-src 'none'; base-uri 'none'"


@pytest.fixture(scope="module")
def project(npm_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's project, with the package installed from its file."""
    place = tmp_path_factory.mktemp("project")
    (place / "package.json").write_text(json.dumps(PROJECT))
    run("npm", "install", "--silent", "--prefer-offline", "--no-audit", "--no-fund", npm_package, cwd=place)
    return place


@pytest.mark.slow
def test_what_is_in_the_package(npm_package: Path) -> None:
    with tarfile.open(npm_package) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    print(f"{npm_package.stat().st_size / 1e3:.0f} kB packed, {len(names)} files")
    modules = {"dist/index.mjs", "dist/react.mjs", "dist/cjs/index.js", "dist/cjs/react.js", "dist/cjs/package.json"}
    types = {f"dist/{kind}{entry}.d.ts" for kind in ("", "cjs/") for entry in ("index", "react/index")}
    assert not (modules | types | {"dist/simple-peer.js", "LICENSE", "README.md", "package.json"}) - names
    assert not [name for name in names if not name.startswith("dist/") and "/" in name]


def test_one_version_and_one_licence() -> None:
    """The server serves its client's script, so the two are published together."""
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    client = json.loads((CLIENT / "package.json").read_text())["version"]
    lock = json.loads((CLIENT / "package-lock.json").read_text())
    assert {client, lock["version"], lock["packages"][""]["version"]} == {server}
    assert (CLIENT / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@pytest.mark.slow
def test_imported_and_required(project: Path) -> None:
    assert json.loads(run("node", "--input-type=module", "-e", SHAPES, cwd=project)) == EXPORTED
    assert json.loads(run("node", "--input-type=commonjs", "-e", REQUIRED, cwd=project)) == EXPORTED


@pytest.mark.slow
@pytest.mark.parametrize("resolution", CONSUMERS)
def test_types_as_applications_have_them(project: Path, resolution: str) -> None:
    """Everything that must compile does, and nothing that must not, also with libraries checked."""
    kind, options = CONSUMERS[resolution]
    consumer = project / resolution
    shutil.copytree(TYPES, consumer)
    for number, program in enumerate(PROGRAMS.findall(GUIDE.read_text())):
        (consumer / f"guide-{number}.tsx").write_text(program)
    (consumer / "package.json").write_text(json.dumps({"type": kind}))
    (consumer / "tsconfig.json").write_text(json.dumps({"compilerOptions": {**STRICT, **options}, "include": ["."]}))
    files = run(project / "node_modules/.bin/tsc", "-p", consumer, "--listFiles")
    shape = "dist/cjs/" if kind == "commonjs" else "dist/"
    for entry in ("index.d.ts", "react/index.d.ts"):
        assert f"{project}/node_modules/simplesfu/{shape}{entry}" in files


@pytest.mark.slow
def test_a_wrong_use_of_the_package_does_not_compile(project: Path) -> None:
    """So the checks above would have seen it, had the package brought no types."""
    consumer = project / "wrong"
    consumer.mkdir()
    source = 'import {SimplePeer} from "simplesfu";\nexport const peer: string = new SimplePeer({} as never);\n'
    (consumer / "wrong.ts").write_text(source)
    config = {"compilerOptions": {**STRICT, **CONSUMERS["bundler"][1]}, "include": ["."]}
    (consumer / "tsconfig.json").write_text(json.dumps(config))
    with pytest.raises(AssertionError, match="TS2322"):
        run(project / "node_modules/.bin/tsc", "-p", consumer)


@pytest.mark.slow
def test_types_and_modules_agree(npm_package: Path) -> None:
    script = CLIENT / "build" / "problems.mjs"
    script.parent.mkdir(exist_ok=True)
    script.write_text(PROBLEMS)  # where Node.js finds the checker
    problems = json.loads(run("node", script, npm_package))
    print(problems)
    # Resolution as it was before Node.js 12.7 has no exports, and so no simplesfu/react.
    assert [problem for problem in problems if problem.get("resolutionKind") != "node10"] == []
    run(CLIENT / "node_modules" / ".bin" / "publint", "--strict", npm_package)


@pytest.mark.slow
@pytest.mark.browser
async def test_a_call_between_all_ways_of_having_it(serve: Serve, browser: Browser, project: Path) -> None:
    server = await serve()
    ways = ("module.mjs", "required.cjs", "script.js", "hook.jsx")
    pages: list[Page] = []
    for number, way in enumerate(ways, 1):
        page = await (await browser.new_context()).new_page()
        await page.goto(f"{server.url}/socket.io/simple-peer.js")  # of the server's origin, with nothing in it
        if way == "script.js":
            await forbid_eval(page)
            await page.add_script_tag(path=project / "node_modules/simplesfu/dist/simple-peer.js")
        await page.add_script_tag(content=bundle(project, way))
        await page.evaluate("(number) => begin({number})", number)
        await page.evaluate("harness.begun()")
        pages.append(page)
    for number, (way, page) in enumerate(zip(ways, pages, strict=True), 1):
        others = [other for other in range(1, len(ways) + 1) if other != number]

        async def sees(page: Page = page, others: list[int] = others) -> bool:
            return bool(await page.evaluate("harness.numbers()") == others)

        await until(sees, f"{way} sees {others}")
        assert await page.evaluate("harness.violations()") == []
    for page in pages:
        await page.evaluate("harness.close()")
        await page.goto("about:blank")
        await page.context.close()


async def forbid_eval(page: Page) -> None:
    """A policy as strict pages have it; what breaks it is noted, and does not work."""
    tag = f'document.head.append(Object.assign(document.createElement("meta"), {{content: {json.dumps(POLICY)}}}))'
    await page.evaluate(f'{tag}; document.querySelector("meta").httpEquiv = "Content-Security-Policy"')


def bundle(project: Path, way: str) -> str:
    """As an application would; node_modules are those of the project."""
    argv = ("--bundle", "--jsx=automatic", "--log-level=warning", "--define:process.env.NODE_ENV='production'")
    return run(
        project / "node_modules/.bin/esbuild", APP / way, *argv, cwd=project, NODE_PATH=str(project / "node_modules")
    )


def test_no_code_is_made_of_strings() -> None:
    """What pages with a content security policy forbid. (engine.io-client does so where there is no `self`.)"""
    scripts = [path for path in (CLIENT / "dist").rglob("*") if path.suffix in (".js", ".mjs")]
    assert scripts
    for path in scripts:
        assert not re.search(r"\beval\(|\bnew Function\b", path.read_text()), path.name
