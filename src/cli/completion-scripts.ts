// The completion scripts. They hold no knowledge of their own: each asks `muster __complete -- WORDS` at every
// key press, so they stay right when the program changes. Static text, nothing spliced in.

export type Shell = "bash" | "zsh" | "fish";

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

const BASH = `# bash completion for muster
_muster() {
  local program=$1 typed=\${2-} line
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = ":files" ]; then
      compopt -o default 2>/dev/null
      COMPREPLY=()
      return
    fi
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("$program" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$typed" 2>/dev/null)
}
complete -F _muster muster
`;

const ZSH = `#compdef muster
_muster() {
  local line value
  local -a found
  while IFS= read -r line; do
    if [[ "$line" == ":files" ]]; then
      _files
      return
    fi
    value=\${line%%$'\\t'*}
    found+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe muster found
}
if [[ "$funcstack[1]" == "_muster" ]]; then
  _muster "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _muster muster
fi
`;

const FISH = `# fish completion for muster
function __muster_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    if test "$found[1]" = ":files"
        __fish_complete_path (commandline -ct)
        return
    end
    printf '%s\\n' $found
end
complete -c muster -f -a '(__muster_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
