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
  --with-command  also link an ordinary command-line python.wasm (build/interpreter/python-command.wasm)
  --help          this text

Environment:
  SHANNON_INTERPRETER_BUILD  working folder (default: build/interpreter)
  SHANNON_JOBS               compilers at once (default: one a processor)
USAGE
}

force=0 quiet=0 with_command=0
for argument; do
    case $argument in
        --force) force=1 ;;
        --quiet) quiet=1 ;;
        --with-command) with_command=1 ;;
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

export LC_ALL=C PYTHONHASHSEED=0
export SOURCE_DATE_EPOCH=1677628800 # for __DATE__: the same bytes whenever it is built
target=wasm32-wasi
build_python=/usr/bin/python3.11 # Debian's: another 3.11 on PATH may write other bytecode

# ---- stages ----

stage_number=0
stages=9
log=$work/log

fail() {
    echo "setup_python_wasi: $*" >&2
    exit 1
}

explain_failure() {
    {
        echo
        if [[ $(df --output=avail -k "$work" 2>/dev/null | tail -n 1) -lt 51200 ]]; then
            echo "setup_python_wasi: the disk that holds $work is full; about 600 MB are needed"
        fi
        echo "setup_python_wasi: '$1' failed; the end of $log:"
        tail -n 15 "$log"
    } >&2
    exit 1
}

# stage TITLE STAMP KEY FUNCTION: runs FUNCTION unless STAMP says that it was run with the same KEY.
stage() {
    local title=$1 stamp=$work/stamps/$2 key=$3 function=$4 start=$SECONDS status=0
    stage_number=$((stage_number + 1))
    if [[ $force == 0 || $2 == fetch ]] && [[ -f $stamp && $(<"$stamp") == "$key" ]]; then
        return 0
    fi
    printf '[%d/%d] %s ... ' "$stage_number" "$stages" "$title"
    rm -f "$stamp"
    (set -e && "$function") >"$log" 2>&1 || status=$?
    if ((status != 0)); then
        echo failed
        explain_failure "$title"
    fi
    printf '%s' "$key" >"$stamp.new" && mv "$stamp.new" "$stamp" || explain_failure "$title"
    echo "$((SECONDS - start)) s"
}

hash_of() {
    cat "$@" | sha256sum | cut -c1-32
}

# ---- sources ----

# A list of source and binary packages made from the system's own, for an apt that writes only in $work.
write_apt_lists() {
    mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/apt/cache/partial"
    rm -f "$work"/apt/parts/*
    local file
    for file in /etc/apt/sources.list.d/*.sources; do
        [[ -f $file ]] || continue
        sed 's/^Types:.*/Types: deb deb-src/' "$file" >"$work/apt/parts/$(basename "$file")"
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [[ -f $file ]] || continue
        sed -n '/^deb /{p;s/^deb /deb-src /p}' "$file" >"$work/apt/parts/$(basename "$file")"
    done
}

private_apt() {
    apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/parts" \
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

fetch_sources() {
    mkdir -p "$work/download"
    cd "$work/download"
    if ! grep -v '^#' "$recipe/sources.lock" | sha256sum --check --quiet 2>/dev/null; then
        write_apt_lists
        private_apt update
        local kind package version
        while read -r kind package version; do
            case $kind in
                '#source') private_apt source --download-only "$package=$version" ;;
                '#binary') private_apt download "$package=$version" ;;
            esac
        done <"$recipe/sources.lock"
    fi
    echo "comparing with interpreters/python/sources.lock (a version that Debian no longer serves must be replaced there)"
    grep -v '^#' "$recipe/sources.lock" | sha256sum --check --quiet
    unpack_sources
}

unpack_sources() {
    rm -rf "$work/src"
    mkdir -p "$work/src"
    local dsc package
    for dsc in ./*.dsc; do
        package=$(basename "$dsc" | cut -d_ -f1)
        dpkg-source --no-check -x "$dsc" "$work/src/$package"
    done
    dpkg-deb -x ./tzdata_*.deb "$work/src/tzdata"
}

# ---- libraries ----

cc=(clang-19 "--target=$target")
cflags=(-O3 -g0 "-ffile-prefix-map=$work=/build")
sysroot=$work/sysroot

# compile_library NAME FILES...: compiles FILES of the current folder, with "${extra[@]}", into libNAME.a.
compile_library() {
    local library=$1 file objects=()
    shift
    rm -rf "objects.$library" && mkdir "objects.$library"
    for file; do
        objects+=("objects.$library/$(basename "$file" .c).o")
    done
    printf '%s\n' "$@" | xargs -P "$jobs" -I{} sh -c 'o=$1/$(basename "$2" .c).o; shift 2; exec "$@" -o "$o"' - \
        "objects.$library" {} "${cc[@]}" "${cflags[@]}" "${extra[@]}" -c {}
    mkdir -p "$sysroot/lib" "$sysroot/include"
    rm -f "$sysroot/lib/lib$library.a"
    llvm-ar-19 rcsD "$sysroot/lib/lib$library.a" "${objects[@]}"
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
    "$work/src/xz-utils/configure" --host=$target --build=x86_64-linux-gnu --prefix="$sysroot" CC="${cc[*]}" \
        AR=llvm-ar-19 RANLIB=llvm-ranlib-19 CFLAGS="${cflags[*]} -D_WASI_EMULATED_SIGNAL -include $recipe/compat/xz.h" \
        --disable-shared --disable-threads --disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo \
        --disable-scripts --disable-doc --disable-nls
    make -j"$jobs" -C src/liblzma install
}

build_sqlite() {
    rm -rf "$work/sqlite" && mkdir -p "$work/sqlite" && cd "$work/sqlite"
    "$work/src/sqlite3/configure" --disable-tcl
    make sqlite3.c
    cp sqlite3.h sqlite3ext.h "$sysroot/include"
    extra=(-include "$recipe/compat/sqlite.h" -D_WASI_EMULATED_GETPID -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION
        -DSQLITE_OMIT_WAL -DSQLITE_MAX_MMAP_SIZE=0 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE
        -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_COLUMN_METADATA)
    compile_library sqlite3 sqlite3.c
}

# ---- CPython ----

configure_python() {
    rm -rf "$work/python" && mkdir -p "$work/python" && cd "$work/python"
    # A wasm-opt on PATH would be run by clang on configure's probes, which then fail.
    local path=$PATH folder clean=""
    while IFS= read -r -d: folder; do
        [[ -x $folder/wasm-opt ]] || clean+=$folder:
    done <<<"$path:"
    mkdir -p "$work/tools"
    ln -sf "$(command -v clang-19)" "$work/tools/clang-19"
    PATH=$work/tools:${clean%:} \
        CONFIG_SITE="$work/src/python3.11/Tools/wasm/config.site-wasm32-wasi" PKG_CONFIG_LIBDIR=/nonexistent \
        CC="${cc[*]}" CPP="${cc[*]} -E" AR=llvm-ar-19 RANLIB=llvm-ranlib-19 ARFLAGS=rcsD \
        CFLAGS="-g0 -Wno-int-conversion -ffile-prefix-map=$work=/build" \
        ZLIB_CFLAGS="-I$sysroot/include" ZLIB_LIBS="-L$sysroot/lib -lz" \
        BZIP2_CFLAGS="-I$sysroot/include" BZIP2_LIBS="-L$sysroot/lib -lbz2" \
        LIBLZMA_CFLAGS="-I$sysroot/include" LIBLZMA_LIBS="-L$sysroot/lib -llzma" \
        LIBSQLITE3_CFLAGS="-I$sysroot/include" LIBSQLITE3_LIBS="-L$sysroot/lib -lsqlite3" \
        py_cv_module__uuid=n/a py_cv_module__crypt=n/a \
        "$work/src/python3.11/configure" --host=wasm32-unknown-wasi --build=x86_64-pc-linux-gnu --prefix=/usr \
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
link_flags=(-Wl,--stack-first -Wl,-z,stack-size=8388608 -Wl,--strip-all)

link_guest() {
    cd "$work/python"
    "${cc[@]}" -std=gnu17 "${cflags[@]}" -Wall -Wextra -Werror -D_WASI_EMULATED_SIGNAL \
        -I"$work/src/python3.11/Include" -I. -c "$recipe/guest/guest.c" -o guest.o
    PATH=$work/tools:/usr/bin:/bin "${cc[@]}" -mexec-model=reactor "${link_flags[@]}" -Wl,--export=__stack_pointer \
        guest.o libpython3.11.a "${libraries[@]}" -o "$work/$name.wasm"
}

link_command() {
    cd "$work/python"
    make Programs/python.o
    PATH=$work/tools:/usr/bin:/bin "${cc[@]}" "${link_flags[@]}" Programs/python.o libpython3.11.a "${libraries[@]}" \
        -o "$work/python-command.wasm"
}

make_archive() {
    cd "$work/python"
    local data
    data=$work/_sysconfigdata__wasi_wasm32-wasi.py
    sed "s#$work#/build#g" "$(<pybuilddir.txt)/_sysconfigdata__wasi_wasm32-wasi.py" >"$data"
    $build_python "$recipe/make_archive.py" "$work/$name.zip" "$work/src/python3.11/Lib" \
        "$work/src/tzdata/usr/share/zoneinfo" "$recipe/guest/_shannon.py" "$data"
}

publish() {
    mkdir -p "$out"
    local wasm_sum zip_sum file
    wasm_sum=$(sha256sum <"$work/$name.wasm" | cut -d' ' -f1)
    zip_sum=$(sha256sum <"$work/$name.zip" | cut -d' ' -f1)
    {
        printf '{\n  "name": "%s",\n' "$name"
        printf '  "wasm": {"sha256": "%s", "bytes": %s},\n' "$wasm_sum" "$(stat -c %s "$work/$name.wasm")"
        printf '  "archive": {"sha256": "%s", "bytes": %s},\n' "$zip_sum" "$(stat -c %s "$work/$name.zip")"
        printf '  "sources": {%s}\n}\n' \
            "$(awk '/^#(source|binary) / {printf "%s\"%s\": \"%s\"", s, $2, $3; s = ", "}' "$recipe/sources.lock")"
    } >"$work/$name.json"
    for file in zip json wasm; do
        cp "$work/$name.$file" "$out/.$name.$file.new"
        mv "$out/.$name.$file.new" "$out/$name.$file"
    done
}

# ---- in order ----

need_packages "the interpreter" clang-19 lld-19 llvm-19 libclang-rt-19-dev-wasm32 wasi-libc python3.11 dpkg-dev \
    make tcl xz-utils bzip2 gcc libc6-dev

mkdir -p "$work/stamps" || fail "cannot write in $work"
exec 9>"$work/lock"
flock --nonblock 9 || {
    echo "another setup_python_wasi.sh is at work in $work; waiting for it"
    flock 9
}

tools=$(dpkg-query -W -f='${Package} ${Version}\n' clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc python3.11 \
    python3.11-minimal | sha256sum | cut -c1-32)
script=$(hash_of "$root/scripts/setup_python_wasi.sh")
base="$script $tools $(hash_of "$recipe/sources.lock")"
compat=$(hash_of "$recipe"/compat/*.h)
guest=$(hash_of "$recipe/guest/guest.c")
archive=$(hash_of "$recipe/make_archive.py" "$recipe/guest/_shannon.py")
everything="$base $compat $guest $archive"

if [[ $force == 0 && -f $work/stamps/publish && $(<"$work/stamps/publish") == "$everything" && -f $out/$name.wasm &&
    -f $out/$name.zip && -f $out/$name.json && ($with_command == 0 || -f $work/python-command.wasm) ]]; then
    [[ $quiet == 1 ]] || echo "up to date: $out/$name.wasm"
    exit 0
fi

echo "building $name for WASI in ${work#"$root"/} ($jobs at once; details in ${log#"$root"/})"
stage "fetch and verify Debian's sources" fetch "$(hash_of "$recipe/sources.lock")" fetch_sources
stage "zlib and bzip2" zlib "$base" build_zlib_and_bzip2
stage "xz" xz "$base $compat" build_xz
stage "sqlite" sqlite "$base $compat" build_sqlite
stage "configure CPython" configure "$base $compat" configure_python
stage "compile CPython" make "$base $compat" make_python
stage "link the guest" link "$base $compat $guest" link_guest
[[ $with_command == 0 ]] || stage "link the command" command "$base $compat" link_command
stage "archive of the standard library" archive "$base $archive" make_archive
rm -f "$work/stamps/publish"
stage "publish" publish "$everything" publish

echo "interpreter: ${out#"$root"/}/$name.wasm"
echo "  size:   $(stat -c %s "$out/$name.wasm") bytes, with $(stat -c %s "$out/$name.zip") bytes of standard library"
echo "  sha256: $(sha256sum <"$out/$name.wasm" | cut -d' ' -f1)"
