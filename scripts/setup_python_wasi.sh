#!/usr/bin/env bash
# Builds the Python interpreter for the sandbox from Debian's sources: wasm-interpreters/python-3.11.2.{wasm,zip,json}.
#
# Each stage leaves a stamp that holds the hash of what went into it, so that a second run has nothing to do and an
# interrupted one goes on where it was. Nothing outside build/ and wasm-interpreters/ is written; apt's configuration
# stays as it is. interpreters/python/README.md explains the recipe.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: scripts/setup_python_wasi.sh [OPTION...]

Builds CPython 3.11 as a WebAssembly (WASI) module with its standard library.
Takes about two minutes on two cores the first time.

  --force         build again from the unpacked sources
  --quiet         say nothing when everything is up to date
  --offline       never use the network: what is missing is an error
  --with-command  also link an ordinary command-line python.wasm (build/interpreter/python-command.wasm)
  --with-tests    also make an interpreter with CPython's own tests (build/interpreter/tests/python-3.11.2.wasm)
  --help          this text

Environment:
  SHANNON_INTERPRETER_BUILD  working folder (default: build/interpreter); about 500 MB
  SHANNON_JOBS               compilers at once (default: one a processor)
USAGE
}

force=0 quiet=0 offline=0 with_command=0 with_tests=0
for argument; do
    case $argument in
        --force) force=1 ;;
        --quiet) quiet=1 ;;
        --offline) offline=1 ;;
        --with-command) with_command=1 ;;
        --with-tests) with_tests=1 ;;
        --help | -h) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
done

root=$(cd "$(dirname "$0")/.." && pwd)
recipe=$root/interpreters/python
work=${SHANNON_INTERPRETER_BUILD:-$root/build/interpreter}
out=$root/wasm-interpreters
jobs=${SHANNON_JOBS:-$(nproc)}
name=python-3.11.2
# shellcheck source=scripts/packages.sh
. "$root/scripts/packages.sh"

# Nothing of the caller's may reach a compiler, a make or a Python below.
unset CFLAGS CPPFLAGS LDFLAGS LIBS CPATH C_INCLUDE_PATH LIBRARY_PATH MAKEFLAGS MFLAGS MAKELEVEL CONFIG_SITE CDPATH \
    "${!PYTHON@}"
export LC_ALL=C PYTHONHASHSEED=0
export SOURCE_DATE_EPOCH=1677628800 # for __DATE__: the same bytes whenever it is built
target=wasm32-wasi
build_python=/usr/bin/python3.11 # Debian's: another 3.11 on PATH may write other bytecode

# ---- stages ----

stage_number=0
stages=$((10 + with_command + with_tests))
log=$work/log
need_mb=550

fail() {
    echo "setup_python_wasi: $*" >&2
    exit 1
}

# Asked before anything is fetched, too: apt waits for ever for room on a full disk.
need_room() {
    local used free
    used=$(du -sm "$work" | cut -f1)
    free=$(df --output=avail -m "$work" | tail -n 1 | tr -d " ")
    ((used + free >= need_mb)) ||
        fail "the disk that holds $work is full: $free MB are free, about $((need_mb - used)) are needed"
}

explain_failure() {
    {
        echo
        if [[ $(df --output=avail -m "$work" 2>/dev/null | tail -n 1) -lt 20 ]] ||
            grep -q "No space left on device" "$log"; then
            echo "setup_python_wasi: the disk that holds $work is full; the build needs $need_mb MB"
        fi
        echo "setup_python_wasi: '$1' failed; the end of $log:"
        tail -n 15 "$log"
    } >&2
    exit 1
}

# stage TITLE STAMP KEY FUNCTION: runs FUNCTION unless STAMP says that it was run with the same KEY.
stage() {
    local title=$1 stamp=$work/stamps/$2 key=$3 function=$4 start=$SECONDS status
    stage_number=$((stage_number + 1))
    if [[ $force == 0 || $2 == fetch ]] && [[ -f $stamp && $(<"$stamp") == "$key" ]]; then
        return 0
    fi
    printf '[%d/%d] %s ... ' "$stage_number" "$stages" "$title"
    rm -f "$stamp"
    # Not `|| status=$?`: bash would ignore set -e inside, and half a stage would pass for a whole one.
    set +e
    (set -e && "$function") >"$log" 2>&1
    status=$?
    set -e
    if ((status != 0)); then
        echo failed
        explain_failure "$title"
    fi
    if ! printf '%s' "$key" >"$stamp.new" || ! mv "$stamp.new" "$stamp"; then
        explain_failure "$title"
    fi
    echo "$((SECONDS - start)) s"
}

hash_of() {
    cat "$@" | sha256sum | cut -c1-32
}

# ---- sources ----

# The system's own lists, as far as they are of Debian 12, with source packages, for an apt that writes only in $work.
write_apt_lists() {
    mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/apt/cache/partial"
    rm -f "$work"/apt/parts/*
    local file
    for file in /etc/apt/sources.list.d/*.sources; do
        [[ -f $file ]] || continue
        awk 'BEGIN { RS = ""; ORS = "\n\n" } /(^|\n)Suites:[^\n]*[ \t]bookworm/' "$file" |
            sed 's/^Types:.*/Types: deb deb-src/' >"$work/apt/parts/$(basename "$file")"
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [[ -f $file ]] || continue
        sed -n '/^deb .* bookworm/{p;s/^deb /deb-src /p}' "$file" >"$work/apt/parts/$(basename "$file")"
    done
}

private_apt() {
    timeout 900 apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/parts" \
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::CNF::DefaultEnabled=false -o Acquire::Retries=3 "$@"
}

have_sources() {
    grep -v '^#' "$recipe/sources.lock" | sha256sum --check --quiet
}

fetch_sources() {
    mkdir -p "$work/download"
    cd "$work/download"
    if have_sources 2>/dev/null; then
        return 0
    fi
    if ((offline)); then
        echo "sources are missing in $work/download, and --offline was given"
        return 1
    fi
    write_apt_lists
    echo "asking for what interpreters/python/sources.lock lists; another version can be put there"
    private_apt update
    local kind package version
    while read -r kind package version; do
        case $kind in
            '#source') private_apt source --download-only "$package=$version" ;;
            '#binary') private_apt download "$package=$version" ;;
        esac
    done <"$recipe/sources.lock"
    echo "comparing with the checksums of interpreters/python/sources.lock"
    have_sources
}

# Unpacks only what the lock lists: the download folder may hold other versions too.
unpack_sources() {
    rm -rf "$work/src"
    mkdir -p "$work/src"
    local sum file patch
    while read -r sum file; do
        case $sum:$file in
            '#'*) ;;
            *.dsc) dpkg-source --no-check -x "$work/download/$file" "$work/src/${file%%_*}" ;;
            *.deb) dpkg-deb -x "$work/download/$file" "$work/src/${file%%_*}" ;;
        esac
    done <"$recipe/sources.lock"
    for patch in "$recipe"/patches/*.patch; do
        patch --directory="$work/src/python3.11" --strip=1 --fuzz=0 --no-backup-if-mismatch <"$patch"
    done
}

# ---- libraries ----

cc=(clang-19 "--target=$target")
cflags=(-O3 -g0 "-ffile-prefix-map=$work=/build")
sysroot=$work/sysroot

# clang runs a wasm-opt that is on PATH whenever -O stands on a link line; configure's probes then fail, and the result
# depends on the machine. So nothing below has -O where it links.

# compile_library NAME FILES...: compiles FILES of the current folder, with "${extra[@]}", into libNAME.a.
compile_library() {
    local library=$1
    shift
    rm -rf "objects.$library" && mkdir "objects.$library"
    (
        cd "objects.$library"
        printf '../%s\n' "$@" | xargs -P "$jobs" -n 1 "${cc[@]}" "${cflags[@]}" "${extra[@]}" -c
    )
    mkdir -p "$sysroot/lib" "$sysroot/include"
    rm -f "$sysroot/lib/lib$library.a"
    (cd "objects.$library" && llvm-ar-19 rcsD "$sysroot/lib/lib$library.a" "${@/%.c/.o}")
}

build_zlib_and_bzip2() {
    cd "$work/src/zlib"
    extra=(-DHAVE_UNISTD_H)
    compile_library z adler32.c crc32.c deflate.c infback.c inffast.c inflate.c inftrees.c trees.c zutil.c \
        compress.c uncompr.c gzclose.c gzlib.c gzread.c gzwrite.c
    cp zlib.h zconf.h "$sysroot/include"
    cd "$work/src/bzip2"
    extra=(-D_FILE_OFFSET_BITS=64)
    compile_library bz2 blocksort.c huffman.c crctable.c randtable.c compress.c decompress.c bzlib.c
    cp bzlib.h "$sysroot/include"
}

build_xz() {
    rm -rf "$work/xz" && mkdir -p "$work/xz" && cd "$work/xz"
    "$work/src/xz-utils/configure" --host=$target --build="$build_machine" --prefix="$sysroot" CC="${cc[*]}" \
        AR=llvm-ar-19 RANLIB=llvm-ranlib-19 CFLAGS="-g0 -D_WASI_EMULATED_SIGNAL -include $recipe/compat/xz.h" \
        --disable-shared --disable-threads --disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo \
        --disable-scripts --disable-doc --disable-nls
    make -j"$jobs" -C src/liblzma CFLAGS="${cflags[*]} -D_WASI_EMULATED_SIGNAL -include $recipe/compat/xz.h" install
}

build_sqlite() {
    rm -rf "$work/sqlite" && mkdir -p "$work/sqlite" && cd "$work/sqlite"
    "$work/src/sqlite3/configure" --disable-tcl
    make sqlite3.c
    cp sqlite3.h sqlite3ext.h "$sysroot/include"
    extra=(-include "$recipe/compat/sqlite.h" -D_WASI_EMULATED_GETPID -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION
        -DSQLITE_OMIT_WAL -DSQLITE_MAX_MMAP_SIZE=0 -DSQLITE_TEMP_STORE=2 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE
        -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_COLUMN_METADATA)
    compile_library sqlite3 sqlite3.c
}

# ---- CPython ----

configure_python() {
    rm -rf "$work/python" && mkdir -p "$work/python" && cd "$work/python"
    CONFIG_SITE="$work/src/python3.11/Tools/wasm/config.site-wasm32-wasi" PKG_CONFIG_LIBDIR=/nonexistent \
        CC="${cc[*]}" CPP="${cc[*]} -E" AR=llvm-ar-19 RANLIB=llvm-ranlib-19 ARFLAGS=rcsD \
        CFLAGS="-g0 -Wno-int-conversion -ffile-prefix-map=$work=/build" \
        ZLIB_CFLAGS="-I$sysroot/include" ZLIB_LIBS="-L$sysroot/lib -lz" \
        BZIP2_CFLAGS="-I$sysroot/include" BZIP2_LIBS="-L$sysroot/lib -lbz2" \
        LIBLZMA_CFLAGS="-I$sysroot/include" LIBLZMA_LIBS="-L$sysroot/lib -llzma" \
        LIBSQLITE3_CFLAGS="-I$sysroot/include" LIBSQLITE3_LIBS="-L$sysroot/lib -lsqlite3" \
        py_cv_module__uuid=n/a py_cv_module__crypt=n/a \
        ../src/python3.11/configure --host=wasm32-unknown-wasi --build="$build_machine" --prefix=/usr \
        --with-build-python=$build_python --disable-ipv6 --without-ensurepip --disable-test-modules \
        --with-tzpath=/usr/share/zoneinfo
}

make_python() {
    cd "$work/python"
    make -j"$jobs" libpython3.11.a
    make pybuilddir.txt
}

libraries=(Modules/expat/libexpat.a Modules/_decimal/libmpdec/libmpdec.a "-L$sysroot/lib" -lz -lbz2 -llzma -lsqlite3
    -lwasi-emulated-signal -lwasi-emulated-getpid -lwasi-emulated-process-clocks -lm)
# The shadow stack comes first in memory, so that running over it is a trap and not somebody's data.
link_flags=('-Wl,--stack-first' '-Wl,-z,stack-size=8388608' '-Wl,--strip-all')
guest_flags=(-mexec-model=reactor "${link_flags[@]}" '-Wl,--export=__stack_pointer' '-Wl,--wrap=read')

link_guest() {
    cd "$work/python"
    "${cc[@]}" -std=gnu17 "${cflags[@]}" -Wall -Wextra -Werror -D_WASI_EMULATED_SIGNAL \
        -I"$work/src/python3.11/Include" -I. -c "$recipe/guest/guest.c" -o guest.o
    "${cc[@]}" "${guest_flags[@]}" guest.o libpython3.11.a "${libraries[@]}" -o "$work/$name.wasm"
}

link_command() {
    cd "$work/python"
    make Programs/python.o
    "${cc[@]}" "${link_flags[@]}" Programs/python.o libpython3.11.a "${libraries[@]}" \
        -o "$work/python-command.wasm"
}

# make_archive OUT [--with-tests]
make_archive() {
    cd "$work/python"
    $build_python "$recipe/make_archive.py" "${@:2}" "$1" "$work/src/python3.11/Lib" \
        "$work/src/tzdata/usr/share/zoneinfo" "$recipe/guest/_shannon.py" \
        "$(<pybuilddir.txt)/_sysconfigdata__wasi_wasm32-wasi.py" "$work"
}

archive_library() {
    make_archive "$work/$name.zip"
}

# The same guest with the modules that CPython's tests look at it through, and the tests in its archive.
make_tests() {
    cd "$work/python"
    mkdir -p "$work/tests" objects.tests
    local module flags=(-std=gnu17 "${cflags[@]}" -Wno-int-conversion -D_WASI_EMULATED_SIGNAL
        "-I$work/src/python3.11/Include" "-I$work/src/python3.11/Include/internal" -I.)
    for module in _testcapimodule _testinternalcapi _testbuffer _xxtestfuzz/_xxtestfuzz _xxtestfuzz/fuzzer; do
        "${cc[@]}" "${flags[@]}" -DPy_BUILD_CORE_MODULE -c "$work/src/python3.11/Modules/$module.c" \
            -o "objects.tests/$(basename $module).o"
    done
    "${cc[@]}" "${flags[@]}" -DSHANNON_TEST_MODULES -c "$recipe/guest/guest.c" -o objects.tests/guest.o
    "${cc[@]}" "${guest_flags[@]}" objects.tests/*.o libpython3.11.a "${libraries[@]}" -o "$work/tests/$name.wasm"
    make_archive "$work/tests/$name.zip" --with-tests
}

publish() {
    mkdir -p "$out"
    local wasm_sum zip_sum file abi
    abi=$(sed -n 's/^enum { ABI_VERSION = \([0-9]*\) };$/\1/p' "$recipe/guest/guest.c")
    wasm_sum=$(sha256sum <"$work/$name.wasm" | cut -d' ' -f1)
    zip_sum=$(sha256sum <"$work/$name.zip" | cut -d' ' -f1)
    {
        printf '{\n  "name": "%s",\n  "version": "%s",\n  "guest_abi": %s,\n' "$name" "${name#python-}" "$abi"
        printf '  "wasm": {"sha256": "%s", "bytes": %s},\n' "$wasm_sum" "$(stat -c %s "$work/$name.wasm")"
        printf '  "archive": {"sha256": "%s", "bytes": %s},\n' "$zip_sum" "$(stat -c %s "$work/$name.zip")"
        printf '  "sources": {%s}\n}\n' \
            "$(awk '/^#(source|binary) / {printf "%s\"%s\": \"%s\"", s, $2, $3; s = ", "}' "$recipe/sources.lock")"
    } >"$work/$name.json"
    for file in zip json wasm; do # the module last: it is what others look for
        cp "$work/$name.$file" "$out/.$name.$file.new"
    done
    for file in zip json wasm; do
        mv "$out/.$name.$file.new" "$out/$name.$file"
    done
}

# Whether what was published is whole, and what this recipe makes.
up_to_date() {
    [[ $force == 0 && -f $work/stamps/publish && $(<"$work/stamps/publish") == "$everything" &&
        -f $out/$name.json ]] || return 1
    [[ $with_command == 0 || -f $work/python-command.wasm ]] || return 1
    [[ $with_tests == 0 || -f $work/stamps/tests && $(<"$work/stamps/tests") == "$everything" ]] || return 1
    local file
    for file in "$out/$name".{wasm,zip}; do
        [[ -f $file ]] && grep -qF "\"$(sha256sum <"$file" | cut -d' ' -f1)\"" "$out/$name.json" || return 1
    done
}

# ---- in order ----

trap 'echo; fail "interrupted; run it again to go on from here"' INT TERM
((offline)) ||
    need_packages "the interpreter" clang-19 lld-19 llvm-19 libclang-rt-19-dev-wasm32 wasi-libc python3.11 dpkg-dev \
        make tcl xz-utils bzip2 gcc libc6-dev patch
build_machine=$(dpkg-architecture -qDEB_BUILD_GNU_TYPE)

mkdir -p "$work/stamps" || fail "cannot write in $work"
exec 9>"$work/lock"
flock --nonblock 9 || {
    echo "another setup_python_wasi.sh is at work in $work; waiting for it"
    flock 9
}

tools=$(dpkg-query -W -f='${Package} ${Version}\n' clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc python3.11 \
    python3.11-minimal | sha256sum | cut -c1-32)
script=$(hash_of "$root/scripts/setup_python_wasi.sh")
lock=$(hash_of "$recipe/sources.lock")
base="$script $tools $lock"
compat=$(hash_of "$recipe"/compat/*.h)
patches=$(hash_of "$recipe"/patches/*.patch)
guest=$(hash_of "$recipe/guest/guest.c")
archive=$(hash_of "$recipe/make_archive.py" "$recipe/guest/_shannon.py")
everything="$base $compat $patches $guest $archive"

if up_to_date; then
    [[ $quiet == 1 ]] || echo "up to date: $out/$name.wasm"
    exit 0
fi

need_room
echo "building $name for WASI in ${work#"$root"/} ($jobs at once; details in ${log#"$root"/})"
stage "fetch and verify Debian's sources" fetch "$lock" fetch_sources
stage "unpack and patch" unpack "$lock $patches" unpack_sources
stage "zlib and bzip2" zlib "$base" build_zlib_and_bzip2
stage "xz" xz "$base $compat" build_xz
stage "sqlite" sqlite "$base $compat" build_sqlite
stage "configure CPython" configure "$base $compat $patches" configure_python
stage "compile CPython" make "$base $compat $patches" make_python
stage "link the guest" link "$base $compat $patches $guest" link_guest
[[ $with_command == 0 ]] || stage "link the command" command "$base $compat $patches" link_command
stage "archive of the standard library" archive "$base $patches $archive" archive_library
[[ $with_tests == 0 ]] || stage "CPython's own tests" tests "$everything" make_tests
rm -f "$work/stamps/publish"
stage "publish" publish "$everything" publish

echo "interpreter: ${out#"$root"/}/$name.wasm"
echo "  size:   $(stat -c %s "$out/$name.wasm") bytes, with $(stat -c %s "$out/$name.zip") bytes of standard library"
echo "  sha256: $(sha256sum <"$out/$name.wasm" | cut -d' ' -f1)"
