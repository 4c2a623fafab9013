# To be sourced. within SECONDS COMMAND...: runs the command until it succeeds; fails where it has not in that time on a machine that is slower
# than usual by a factor of ten.
within() {
    local deadline=$((SECONDS + 10 * $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}
