"""What completion offers in bash and zsh, by the real shells: run.py runs this too."""
import subprocess

USAGE = 2

BASH = 'eval "$(./cadastre completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cadastre; printf "%s\\n" "${COMPREPLY[@]}"'
ZSH = """compdef() { : }; compadd() { shift; print -l -- "$@" }; _files() { print -l -- *(N) }
eval "$(./cadastre completion zsh)"; words=("$@"); CURRENT=$#; _cadastre"""


def completed(trial, command, line):
    """What a shell offers for the last word of a line."""
    words = line.split(" ")
    done = subprocess.run([*command, words[0], *words], capture_output=True, text=True, cwd=trial.folder, check=True)
    return [word for word in done.stdout.split() if word.startswith(words[-1])]


def run(trial):
    """Both shells offer what comes next: verbs, options, values, files."""
    (trial.folder / "cadastre").symlink_to(trial.program)
    for line, offered in (("cadastre vm ", ["create", "list", "get", "start", "stop", "reboot", "console", "delete"]),
                          ("cadastre -o json --url http://x vm li", ["list"]),
                          ("cadastre vm list --sta", ["--state"]),
                          ("cadastre vm list --state R", ["Running"]),
                          ("cadastre tenant list -o ", ["table", "json"]),
                          ("cadastre vm list --token-file adm", ["admin.token"]),
                          ("cadastre key show holder.k", ["holder.key"]),
                          ("cadastre node ", ["list", "get", "cordon", "uncordon", "drain", "remove", "placement"]),
                          ("cadastre node remove host-1 --l", ["--lost"]),
                          ("cadastre image ", ["add", "list", "get", "delete"]),
                          ("cadastre image add tiny --format k", ["kernel"]),
                          ("cadastre image add tiny --initrd-file tin", ["tiny.img"]),
                          ("cadastre ssh-key ", ["add", "list", "get", "delete"]),
                          ("cadastre ssh-key add laptop lap", ["laptop.pub"]),
                          ("cadastre completion z", ["zsh"]),
                          ("cadastre vm list --name ", [])):
        for command in (["bash", "-c", BASH], ["zsh", "-f", "-c", ZSH]):
            trial.expect(f"{command[0]}'s completion of “{line}”", completed(trial, command, line), offered)
    trial.run("completion", "fish", code=USAGE, says="SHELL")
