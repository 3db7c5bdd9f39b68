# zsh -f complete.zsh SCRIPT LINE: types LINE and a tab in an interactive zsh, prints what is offered, a line each.
# compadd is wrapped: -O, -A and -D only fill arrays (zshcompwid(1)).
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT=; unsetopt zle_bracketed_paste; stty columns 1000; autoload -Uz compinit; compinit -u -C -d "$HOME"/zcompdump; source '$1
zpty -w shell 'compadd() { if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi; local -a hits; builtin compadd -A hits "$@"; (($#hits)) && print -rl -- "OFFER:"$^hits; builtin compadd "$@" }'
zpty -w shell 'done_() { print -r -- "THE""END"; exit }; comppostfuncs=(done_); bindkey "^I" complete-word; print -r -- "REA""DY"'
local out
zpty -r -m shell out '*READY*' || exit 1
zpty -n -w shell "$2"$'\t'
zpty -r -m shell out '*THEEND*'
print -r -- "$out" | tr -d '\r' | sed -n 's/^.*OFFER://p'
zpty -d shell
