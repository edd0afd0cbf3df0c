# Completion of ipvsadm, ipvsadm-save and ipvsadm-restore for fish. The program lists the words that may come next, from
# the table of its options and from the kernel.

function __ipvsadm_complete
    set -lx PATH $PATH /usr/local/sbin /usr/sbin /sbin # an ordinary user's may lack them, but sudo's has them
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l candidates (command $words[1] __complete $words[2..] "$current" 2>/dev/null)
    if test "$candidates[1]" = :files
        __fish_complete_path "$current"
        return
    end
    for candidate in $candidates
        echo $candidate
    end
end

for name in ipvsadm ipvsadm-save ipvsadm-restore
    complete -c $name -f -a '(__ipvsadm_complete)'
end
