# shellcheck shell=bash
# Completion of ipvsadm, ipvsadm-save and ipvsadm-restore for bash. The program lists the words that may come next, from
# the table of its options and from the kernel.

_ipvsadm() {
    # Split at spaces only: bash also splits at colons and equals signs, and an address has colons.
    local line=${COMP_LINE:0:COMP_POINT} words current word
    read -ra words <<<"$line"
    current=
    if [[ $line != *[[:space:]] ]]; then
        current=${words[-1]}
        unset 'words[-1]'
    fi
    while [ ${#words[@]} -gt 0 ] && [[ ${words[0]} != "$1" ]]; do # such as sudo
        words=("${words[@]:1}")
    done

    local -x PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # an ordinary user's may lack them, but sudo's has them
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        COMPREPLY+=("$word")
    done < <(command "$1" __complete "${words[@]:1}" "$current" 2>/dev/null)
    if [[ ${COMPREPLY[0]-} == :files ]]; then
        COMPREPLY=()
        compopt -o default
        return
    fi

    # Readline replaces only what comes after the last such character.
    local break before=
    for break in : =; do
        if [[ $COMP_WORDBREAKS == *$break* && $current == *$break* ]]; then
            word=${current%"${current##*"$break"}"}
            [ ${#word} -le ${#before} ] || before=$word
        fi
    done
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

complete -F _ipvsadm ipvsadm ipvsadm-save ipvsadm-restore
