"""Programming languages: which one a file is in, by its ending, its name or its first line. A language is one line here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Programming:
    """`fence` is what Markdown calls it. `names` are whole file names, `interpreters` what a `#!` line starts."""

    name: str
    fence: str
    suffixes: tuple[str, ...]
    names: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        return f"text/x-{self.fence}"


LANGUAGES: tuple[Programming, ...] = (
    Programming("Python", "python", (".py", ".pyi", ".pyx"), ("SConstruct",), ("python",)),
    Programming("JavaScript", "javascript", (".js", ".mjs", ".cjs", ".jsx"), (), ("node", "deno", "bun")),
    Programming("TypeScript", "typescript", (".ts", ".mts", ".cts", ".tsx")),
    Programming("Java", "java", (".java",)),
    Programming("Kotlin", "kotlin", (".kt", ".kts")),
    Programming("Scala", "scala", (".scala", ".sc")),
    Programming("Groovy", "groovy", (".groovy", ".gradle"), ("Jenkinsfile",), ("groovy",)),
    Programming("C", "c", (".c", ".h")),
    Programming("C++", "cpp", (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".ino")),
    Programming("C#", "csharp", (".cs",)),
    Programming("F#", "fsharp", (".fs", ".fsx")),
    Programming("Objective-C", "objectivec", (".m", ".mm")),
    Programming("CUDA", "cuda", (".cu", ".cuh")),
    Programming("Go", "go", (".go",)),
    Programming("Rust", "rust", (".rs",)),
    Programming("Zig", "zig", (".zig",)),
    Programming("Swift", "swift", (".swift",)),
    Programming("Dart", "dart", (".dart",)),
    Programming("PHP", "php", (".php",), (), ("php",)),
    Programming("Ruby", "ruby", (".rb", ".rake", ".gemspec"), ("Rakefile", "Gemfile"), ("ruby",)),
    Programming("Perl", "perl", (".pl", ".pm"), (), ("perl",)),
    Programming("Lua", "lua", (".lua",), (), ("lua",)),
    Programming("R", "r", (".r",), (), ("Rscript",)),
    Programming("Julia", "julia", (".jl",), (), ("julia",)),
    Programming("Haskell", "haskell", (".hs", ".lhs"), (), ("runhaskell", "runghc")),
    Programming("OCaml", "ocaml", (".ml", ".mli"), (), ("ocaml",)),
    Programming("Elm", "elm", (".elm",)),
    Programming("Elixir", "elixir", (".ex", ".exs"), (), ("elixir",)),
    Programming("Erlang", "erlang", (".erl", ".hrl"), (), ("escript",)),
    Programming("Clojure", "clojure", (".clj", ".cljs", ".cljc", ".edn")),
    Programming("Lisp", "lisp", (".lisp", ".lsp", ".cl")),
    Programming("Emacs Lisp", "elisp", (".el",)),
    Programming("Scheme", "scheme", (".scm", ".rkt"), (), ("racket", "guile")),
    Programming("Prolog", "prolog", (".pro", ".prolog"), (), ("swipl",)),
    Programming("Lean", "lean", (".lean",)),
    Programming("Coq", "coq", (".v",)),
    Programming("Agda", "agda", (".agda",)),
    Programming("Fortran", "fortran", (".f", ".for", ".f90", ".f95", ".f03", ".f08")),
    Programming("Ada", "ada", (".adb", ".ads")),
    Programming("Pascal", "pascal", (".pas", ".dpr")),
    Programming("COBOL", "cobol", (".cob", ".cbl")),
    Programming("Assembly", "asm", (".asm", ".s", ".nasm")),
    Programming("Verilog", "verilog", (".sv", ".svh", ".vh")),
    Programming("VHDL", "vhdl", (".vhd", ".vhdl")),
    Programming(
        "Shell",
        "sh",
        (".sh", ".bash", ".zsh", ".fish", ".ksh"),
        (),
        ("sh", "bash", "zsh", "dash", "fish", "ksh"),
    ),
    Programming("PowerShell", "powershell", (".ps1", ".psm1"), (), ("pwsh",)),
    Programming("Batch", "batch", (".bat", ".cmd")),
    Programming("Awk", "awk", (".awk",), (), ("awk", "gawk")),
    Programming("Tcl", "tcl", (".tcl",), (), ("tclsh", "wish")),
    Programming("SQL", "sql", (".sql",)),
    Programming("GraphQL", "graphql", (".graphql", ".gql")),
    Programming("Protocol Buffers", "protobuf", (".proto",)),
    Programming("Solidity", "solidity", (".sol",)),
    Programming("WebAssembly text", "wat", (".wat", ".wast")),
    Programming("GLSL", "glsl", (".glsl", ".vert", ".frag")),
    Programming("CSS", "css", (".css",)),
    Programming("SCSS", "scss", (".scss", ".sass")),
    Programming("Less", "less", (".less",)),
    Programming("Vue", "vue", (".vue",)),
    Programming("Svelte", "svelte", (".svelte",)),
    Programming("CMake", "cmake", (".cmake",), ("CMakeLists.txt",)),
    Programming("Make", "makefile", (".mk",), ("Makefile", "GNUmakefile", "makefile")),
    Programming("Dockerfile", "dockerfile", (".dockerfile",), ("Dockerfile", "Containerfile")),
    Programming("Terraform", "terraform", (".tf",)),
    Programming("Nix", "nix", (".nix",)),
    Programming("Starlark", "starlark", (".bzl", ".star"), ("BUILD", "BUILD.bazel", "WORKSPACE")),
    Programming("Vim script", "vim", (".vim",)),
)

BY_SUFFIX = {suffix: one for one in LANGUAGES for suffix in one.suffixes}
BY_NAME = {name: one for one in LANGUAGES for name in one.names}
BY_INTERPRETER = {program: one for one in LANGUAGES for program in one.interpreters}
BY_MEDIA_TYPE = {one.media_type: one for one in LANGUAGES}

SHEBANG = re.compile(
    rb"#![ \t]*\S*?([A-Za-z]+)[0-9.]*(?:[ \t]+(?:-S[ \t]+)?\S*?([A-Za-z]+)[0-9.]*)?[ \t\r]*(?:[ \t\n]|$)"
)


def language_of(name: str, head: bytes) -> Programming | None:
    """The language of a file with this name (or path) that starts with these bytes; None for what is no code."""
    own = os.path.basename(name)
    if found := BY_NAME.get(own) or BY_SUFFIX.get(os.path.splitext(own)[1].lower()):
        return found
    return _of_shebang(head) if not os.path.splitext(own)[1] else None


def _of_shebang(head: bytes) -> Programming | None:
    found = SHEBANG.match(head[:200].removeprefix(b"\xef\xbb\xbf"))
    if not found:
        return None
    program, argument = (part.decode() if part else "" for part in found.groups())
    return BY_INTERPRETER.get(argument if program == "env" else program)
