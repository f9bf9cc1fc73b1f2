"""Breaks Python's own walls by hand-made bytecode, reads all of the guest's memory, and finds nothing of the host in
it."""
# expect: status=ok stdout="HELD\n"
import attack

memory, kept = attack.memory()
block = bytes(4 << 20)  # it comes last, so that memory ends not far behind it
end = id(block) + len(block)
planted = ("PLANTED" + str(end)).encode()
attack.check("what is there is found", memory.find(planted, 0, end) >= 0 and end > 20 << 20)
# Backwards, so that what is found is not this program's own text.
for backwards in ("-TERCES-ELITSOH", "REKRAM_ELITSOH_NONNAHS", "=EMOH_NONNAHS", "=HTAP_MSAW_ISAW_NOHTYP",
                  ":nib/lacol/rsu/=HTAP", "=RESU_ODUS", "/toor/:toor:0:0:x:toor", "/nonnahs/erahs/lacol.",
                  "/nonnahs/dliub/", "=SSERDDA_SUB_NOISSES_SUBD",
                  "=KCOS_HTUA_HSS"):
    text = backwards[::-1].encode()
    at = memory.find(text, 0, end)
    while at >= 0:
        if bytes(memory[at + len(text) : at + len(text) + 1]) not in (b"\0", b""):  # not only this loop's own copies
            attack.note(bytes(memory[at - 20 : at + 80]))
        at = memory.find(text, at + 1, end)
    attack.check(text, True)
attack.end(12)
