#!/usr/bin/env bash
# Hands a task to the orchestrator and prints what comes of it: scripts/submit_task.sh QUERY [SESSION]
#
# Output is printed as it comes, and the result at the end. Ctrl-C cancels the task. Exit codes: 0 completed, 1 failed,
# 124 timeout, 130 cancelled. SHANNON_TASKS_URL says where the orchestrator is (http://127.0.0.1:8080), SHANNON_API_TOKEN
# what it wants to be shown. Needs curl, and nothing that reads JSON.
set -euo pipefail
export LC_ALL=C # texts are bytes here

url=${SHANNON_TASKS_URL:-http://127.0.0.1:8080}
url=${url%/}
if (($# < 1 || $# > 2)) || [[ -z $1 ]]; then
    echo "usage: ${0##*/} QUERY [SESSION]" >&2
    exit 2
fi

# A text as a JSON string, byte by byte. What is UTF-8 stays so.
quoted() {
    printf '%s' "$1" | od -An -v -tu1 | awk '
        BEGIN { printf "\"" }
        {
            for (i = 1; i <= NF; i++) {
                if ($i == 34 || $i == 92) printf "\\%c", $i + 0
                else if ($i < 32 || $i == 127) printf "\\u%04x", $i
                else printf "%c", $i + 0
            }
        }
        END { printf "\"" }'
}

# The value of a string that stands in a JSON object on one line, as the orchestrator writes it, unescaped: field NAME TEXT.
# An object within it may have a field of that name, too; the first one counts.
field() {
    printf '%s\n' "$2" | awk -v name="\"$1\"" '
        function hex(digits,    i, n) {
            n = 0
            for (i = 1; i <= length(digits); i++)
                n = n * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
            return n
        }
        function utf8(n) {
            if (n < 128) return sprintf("%c", n)
            if (n < 2048) return sprintf("%c%c", 192 + int(n / 64), 128 + n % 64)
            if (n < 65536) return sprintf("%c%c%c", 224 + int(n / 4096), 128 + int(n / 64) % 64, 128 + n % 64)
            return sprintf("%c%c%c%c", 240 + int(n / 262144), 128 + int(n / 4096) % 64, 128 + int(n / 64) % 64, 128 + n % 64)
        }
        # The place behind the string whose first quote is at `at`; prints what is in it if `emits`. A piece at a time:
        # a string may be long.
        function pass(line, at, emits,    c, n, run, piece) {
            at++
            for (;;) {
                piece = substr(line, at, 200)
                if (piece == "") return at
                run = match(piece, /["\\]/)
                if (run == 0) run = 201
                if (emits) printf "%s", substr(piece, 1, run - 1)
                at += run > 200 ? length(piece) : run - 1
                if (run > 200) continue
                if (substr(piece, run, 1) == "\"") return at + 1
                c = substr(line, at + 1, 1)
                at += 2
                if (c == "u") {
                    n = hex(substr(line, at, 4))
                    at += 4
                    if (n >= 55296 && n < 56320) {
                        n = 65536 + (n - 55296) * 1024 + hex(substr(line, at + 2, 4)) - 56320
                        at += 6
                    }
                    c = n == 0 ? " " : utf8(n)
                } else if (c in escapes) c = escapes[c]
                if (emits) printf "%s", c
            }
        }
        BEGIN { escapes["n"] = "\n"; escapes["t"] = "\t"; escapes["r"] = "\r"; escapes["b"] = "\b"; escapes["f"] = "\f" }
        {
            at = 1
            while (at <= length($0)) {
                run = match(substr($0, at, 200), /"/)
                if (run == 0) { at += 200; continue }
                from = at + run - 1
                at = pass($0, from, 0)
                if (substr($0, from, at - from) != name) continue
                if (!match(substr($0, at, 20), /^ *: *"/)) continue
                pass($0, at + RLENGTH - 1, 1)
                exit
            }
        }'
}

call() {
    if [[ -n ${SHANNON_API_TOKEN-} ]]; then
        # Not among the arguments, which others on the machine can see.
        curl --silent --show-error --no-buffer --header @<(printf 'Authorization: Bearer %s\n' "$SHANNON_API_TOKEN") "$@"
    else
        curl --silent --show-error --no-buffer "$@"
    fi
}

body="{\"query\": $(quoted "$1")"
if [[ -n ${2-} ]]; then
    body+=", \"session_id\": $(quoted "$2")"
fi
body+="}"
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

submit() {
    printf '%s' "$body" | call --request POST --header 'Content-Type: application/json' --header "Idempotency-Key: $key" \
        --data-binary @- "$url/api/v1/tasks" | tr '\n' ' '
}

# Whoever interrupts this before the task's id is known has a task all the same: the key finds it.
id=''
# shellcheck disable=SC2317 # the trap calls it
cancel() {
    trap '' INT TERM
    [[ -n $id ]] || id=$(field task_id "$(submit)")
    call --request POST --max-time 10 "$url/api/v1/tasks/$id/cancel" >/dev/null || true
    echo "submit_task: task $id is cancelled" >&2
    exit 130
}
trap cancel INT TERM

answer=$(submit) || {
    echo "submit_task: the orchestrator at $url cannot be reached" >&2
    exit 1
}
id=$(field task_id "$answer")
if [[ -z $id ]]; then
    echo "submit_task: $(field message "$answer")" >&2
    hint=$(field hint "$answer")
    [[ -z $hint ]] || echo "hint: $hint" >&2
    exit 1
fi

# The stream may be cut; then it goes on after the last event that was seen.
last=0 status='' result='' printed='' said='' tries=0

# Prints a piece of output, and remembers what was said since the last step: the result need not say it again.
say() {
    local piece
    piece=$(field message "$1" && printf .)
    piece=${piece%.}
    printf '%s' "$piece"
    said+=$piece printed=1
}

follow() {
    local line event='' number=''
    while IFS= read -r line; do
        line=${line%$'\r'}
        case $line in
        "event: "*) event=${line#event: } ;;
        "id: "*) number=${line#id: } ;;
        "data: "*)
            line=${line#data: }
            case $event in
            LLM_PARTIAL) say "$line" ;;
            TOOL_INVOKED) said='' ;;
            TOOL_OBSERVATION)
                if [[ $line == *'"partial":true'* ]]; then
                    if [[ $(field stream "$line") == stderr ]]; then
                        field message "$line" >&2
                    else
                        say "$line"
                    fi
                fi
                ;;
            PROGRESS)
                said=''
                printf '%s\n' "submit_task: $(field step "$line") $(field state "$line") $(field error "$line")" >&2
                ;;
            ERROR_OCCURRED) printf '%s\n' "submit_task: $(field message "$line")" >&2 ;;
            WORKFLOW_COMPLETED)
                status=$(field status "$line")
                result=$line
                return 0
                ;;
            esac
            last=$number tries=0
            ;;
        esac
    done
    return 1
}
until follow < <(call --header "Last-Event-ID: $last" "$url/api/v1/tasks/$id/stream"); do
    if ((++tries > 5)); then
        echo "submit_task: the orchestrator does not answer any more; the task is $id" >&2
        exit 1
    fi
    sleep 1
done

if [[ $result == *'"result_left_out":true'* ]]; then
    result=$(call "$url/api/v1/tasks/$id")
    result=${result//$'\n'/ }
fi
text=$(field result "$result") # without line feeds at its end
shown=$(printf '%s' "$said")
if [[ -n $shown && $text == "$shown"* ]]; then
    text=${text:${#shown}}
    text=${text#$'\n'}
    [[ $said == *$'\n' ]] || printf '\n'
elif [[ -n $printed ]]; then
    printf '\n'
fi
[[ -z $text ]] || printf '%s\n' "$text"
case $status in
completed) exit 0 ;;
timeout) exit 124 ;;
cancelled) exit 130 ;;
*) exit 1 ;;
esac
