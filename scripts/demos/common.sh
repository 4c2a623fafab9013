# Functions of all demonstrations, to be sourced. Needs $driver, the name of the driver, and $program, the path of the worker.
export PATH="$PATH:/usr/sbin"
. scripts/within.sh

folder='' gearmand='' worker='' failures=0 servers=()

clean_up() {
    local process
    for process in $worker $gearmand "${servers[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    ! declare -F clean_up_more >/dev/null || clean_up_more
    [ -z "$folder" ] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' dim='' red='' green='' plain=''; fi

give_up() {
    echo "scripts/demo: $1" >&2
    [ -z "$folder" ] || cat "$folder/gearmand.log" "$folder/worker.log" >&2 2>/dev/null || true
    exit 70
}

# Whether our gearmand answers or has ended: another program may have taken the port first.
gearmand_answers_or_ended() {
    ! kill -0 "$gearmand" 2>/dev/null || [ -n "$(timeout 20 gearadmin -h 127.0.0.1 -p "$port" --getpid 2>/dev/null)" ]
}

start_gearmand() {
    local try
    for try in {1..10}; do
        port=$((20000 + RANDOM % 12000))
        gearmand -L 127.0.0.1 -p "$port" -l none -P "$folder/gearmand.pid" >>"$folder/gearmand.log" 2>&1 &
        gearmand=$!
        within 10 gearmand_answers_or_ended || true
        [ "$(timeout 20 gearadmin -h 127.0.0.1 -p "$port" --getpid 2>/dev/null)" = "$gearmand" ] && return
        kill "$gearmand" 2>/dev/null || true
        wait "$gearmand" 2>/dev/null || true
        gearmand=''
    done
    give_up "gearmand does not start; what it says is above"
}

start_worker() {
    : >"$folder/worker.log"
    : >"$folder/demo.conf"
    ! declare -F configure >/dev/null || configure >"$folder/demo.conf"
    "$program" --config-file "$folder/demo.conf" --driver "${worker_driver:-$driver}" --server "127.0.0.1:$port" --function demo \
        --state-dir "$folder/state" --log-level debug 2>>"$folder/worker.log" &
    worker=$!
    within 20 worker_is_connected_or_ended || give_up "the worker does not reach its job server; its log is above"
    kill -0 "$worker" 2>/dev/null || give_up "the worker has ended; why stands above"
}

worker_is_connected_or_ended() { grep -q 'job server connected' "$folder/worker.log" || ! kill -0 "$worker" 2>/dev/null; }

# show LABEL TEXT: each line of the text behind the label.
show() {
    local label=$1 line
    while IFS= read -r line; do
        printf '  %s%-8s%s%s\n' "$dim" "$label" "$plain" "$line"
        label=''
    done <<<"$2"
}

number=0
# submit TITLE REQUEST EXPECTED...: submits a job; each expected text must be in the answer.
submit() {
    local title=$1 request=$2 answer before expected verdict="${green}as it should be${plain}"
    shift 2
    number=$((number + 1))
    before=$(wc -l <"$folder/worker.log")
    printf '\n%s%d. %s%s\n' "$bold" "$number" "$title" "$plain"
    show request "$request"
    answer=$(printf %s "$request" | timeout 300 gearman -h 127.0.0.1 -p "$port" -f demo) || answer="no answer: gearman ended with $?"
    show answer "$answer"
    # The driver's lines are in the log before the answer is sent. The date is cut off.
    show log "$(tail -n "+$((before + 1))" "$folder/worker.log" | sed 's/^[^T ]*T//')"
    for expected; do
        if [[ $answer != *"$expected"* ]]; then
            verdict="${red}WRONG: the answer should have $expected in it${plain}"
            failures=$((failures + 1))
        fi
    done
    show '=>' "$verdict"
}

# check TITLE COMMAND...: the command must succeed; what it prints is shown.
check() {
    local title=$1 shown verdict="${green}as it should be${plain}"
    shift
    number=$((number + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$number" "$title" "$plain"
    if ! shown=$("$@" 2>&1); then
        verdict="${red}WRONG${plain}"
        failures=$((failures + 1))
    fi
    [ -z "$shown" ] || show '' "$shown"
    show '=>' "$verdict"
}

# The table of IPVS, and whether something is not in it.
table() { ipvsadm -L -n | sed 1d; }
table_has_not() { local now && now=$(table) && ! grep -q "$1" <<<"$now"; }

pass='"hpcs_response": "PASS"' fail='"hpcs_response": "FAIL"'

# begin: starts a job server, and a worker that takes jobs from it.
begin() {
    folder=$(mktemp -d "${TMPDIR:-/tmp}/lbaas-demo.XXXXXX")
    start_gearmand
    start_worker
    cat <<TEXT

A job server listens on 127.0.0.1:$port, and this worker takes jobs from it:
  $program --driver $driver --server 127.0.0.1:$port --function demo --state-dir $folder/state --log-level debug
Each job below is one command:
  gearman -h 127.0.0.1 -p $port -f demo <<< REQUEST
TEXT
}

# finish: ends the worker, and prints whether all steps passed.
finish() {
    local status=0
    kill "$worker"
    wait "$worker" || status=$?
    worker=''
    if [ $status -ne 0 ]; then
        echo "the worker ended with $status at SIGTERM, not with 0" >&2
        failures=$((failures + 1))
    fi
    echo
    if [ $failures -gt 0 ]; then
        echo "${red}$failures of the checks failed${plain}" >&2
        exit 1
    fi
    echo "${green}All $number steps went as they should.${plain} Everything is stopped, and nothing is left."
}
