# To be sourced by a script of this folder before it looks at its words. With --help or -h as the first word the script prints the comment at
# its head, and ends.
script=$(realpath "$0")
program=scripts/${script##*/}

case ${1-} in
-h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$script"
    exit 0
    ;;
esac

# refuse REASON: ends the script with 64.
refuse() {
    echo "$program: $1; '$program --help' prints how it is called" >&2
    exit 64
}

# options OPTION... -- WORD...: refuses words that are none of the options. An option with a value is OPTION=REGEX, of the whole value.
options() {
    local known=() option
    while [ "$1" != -- ]; do
        known+=("$1")
        shift
    done
    shift
    while [ $# -gt 0 ]; do
        for option in "${known[@]}"; do
            case $option in
            "$1")
                shift
                continue 2
                ;;
            "$1"=*)
                [[ $# -gt 1 && $2 =~ ^(${option#*=})$ ]] || refuse "$1 has no value, or not one that it takes"
                shift 2
                continue 2
                ;;
            esac
        done
        refuse "there is no option '$1' here"
    done
}

# accept: to be called when all words are known to be right. Ends the script with 0 where LBAAS_ARGUMENTS_ONLY is set, as Tests/Documents does
# to check the commands of pages.
accept() { [ -z "${LBAAS_ARGUMENTS_ONLY-}" ] || exit 0; }
