package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// elfOf is a program, or a library without an interpreter, that needs these libraries.
func elfOf(t *testing.T, machine elf.Machine, interpreter string, libraries ...string) string {
	t.Helper()
	names, dynamic := []byte{0}, []elf.Dyn64{}
	for _, l := range libraries {
		dynamic = append(dynamic, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: uint64(len(names))})
		names = append(append(names, l...), 0)
	}
	dynamic = append(dynamic, elf.Dyn64{})
	sections := append([]byte("\x00.dynstr\x00.dynamic\x00.shstrtab\x00"), 0)
	const header, program, section = 64, 56, 64
	at := uint64(header + program)
	place := func(size int) uint64 { at += uint64(size); return at - uint64(size) }
	atInterpreter, atNames, atDynamic, atSections := place(len(interpreter)+1), place(len(names)), place(16*len(dynamic)), place(len(sections))
	var buf bytes.Buffer
	write := func(v any) {
		if err := binary.Write(&buf, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Phoff: header, Shoff: at, Ehsize: header, Phentsize: program, Phnum: 1, Shentsize: section, Shnum: 4, Shstrndx: 3}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	write(h)
	p := elf.Prog64{Type: uint32(elf.PT_NOTE)}
	if interpreter != "" {
		p = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: atInterpreter, Filesz: uint64(len(interpreter) + 1)}
	}
	write(p)
	write(append([]byte(interpreter), 0))
	write(names)
	write(dynamic)
	write(sections)
	write([]elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: atNames, Size: uint64(len(names))},
		{Name: 9, Type: uint32(elf.SHT_DYNAMIC), Off: atDynamic, Size: uint64(16 * len(dynamic)), Link: 1, Entsize: 16},
		{Name: 18, Type: uint32(elf.SHT_STRTAB), Off: atSections, Size: uint64(len(sections))},
	})
	return buf.String()
}

func unpacked(t *testing.T, packages map[string]map[string]string) map[string]*deb {
	t.Helper()
	all := map[string]*deb{}
	for name, files := range packages {
		d, err := unpack(debOf(t, name, files))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = d
	}
	return all
}

func TestTheImageHasTheLibrariesThatItsProgramsLoad(t *testing.T) {
	const machine, ld = elf.EM_X86_64, "/lib64/ld-linux-x86-64.so.2"
	packages := unpacked(t, map[string]map[string]string{
		program: {
			"usr/bin/bitcoind": elfOf(t, machine, ld, "liba.so.1", "libc.so.6"), "usr/bin/bitcoin-cli": elfOf(t, machine, ld, "libc.so.6"),
			"usr/share/doc/bitcoin-knots/copyright": "free",
		},
		"liba": {
			"usr/lib/x86_64-linux-gnu/liba.so.1": "->liba.so.1.2", "usr/lib/x86_64-linux-gnu/liba.so.1.2": elfOf(t, machine, "", "libb.so.2", "ld-linux-x86-64.so.2"),
			"usr/share/doc/liba": "->base",
		},
		"libb":   {"usr/lib/libb.so.2": elfOf(t, machine, "", "libc.so.6", "liba.so.1"), "usr/share/doc/libb/copyright": "free"},
		"base":   {"usr/share/doc/base/copyright": "free"},
		"unused": {"usr/lib/x86_64-linux-gnu/libu.so.1": elfOf(t, machine, ""), "usr/share/doc/unused/copyright": "free"},
		"libc6": {
			"usr/lib/x86_64-linux-gnu/libc.so.6": elfOf(t, machine, ld, "ld-linux-x86-64.so.2"), "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": elfOf(t, machine, ""),
			"usr/lib64/ld-linux-x86-64.so.2": "->../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/share/doc/libc6/copyright": "free",
		},
	})
	got, err := needed(packages)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{
		program: {
			"usr/local/bin/bitcoind": "usr/bin/bitcoind", "usr/local/bin/bitcoin-cli": "usr/bin/bitcoin-cli",
			"usr/share/doc/bitcoin-knots/copyright": "usr/share/doc/bitcoin-knots/copyright",
		},
		"liba": {"usr/lib/x86_64-linux-gnu/liba.so.1": "usr/lib/x86_64-linux-gnu/liba.so.1"},
		"libb": {"usr/lib/x86_64-linux-gnu/libb.so.2": "usr/lib/libb.so.2", "usr/share/doc/libb/copyright": "usr/share/doc/libb/copyright"},
		"base": {"usr/share/doc/base/copyright": "usr/share/doc/base/copyright", "usr/share/doc/liba/copyright": "usr/share/doc/base/copyright"},
		"libc6": {
			"lib64/ld-linux-x86-64.so.2": "usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/libc.so.6": "usr/lib/x86_64-linux-gnu/libc.so.6",
			"usr/share/doc/libc6/copyright": "usr/share/doc/libc6/copyright",
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	delete(packages["libb"].files, "usr/lib/libb.so.2")
	if _, err := needed(packages); err == nil || !strings.Contains(err.Error(), "the library libb.so.2 is in no package") {
		t.Errorf("without a library: %v", err)
	}
	delete(packages["base"].files, "usr/share/doc/base/copyright")
	packages["libb"].files["usr/lib/libb.so.2"] = file{content: []byte(elfOf(t, machine, ""))}
	if _, err := needed(packages); err == nil || !strings.Contains(err.Error(), "the copyright of liba is in no package") {
		t.Errorf("without a copyright: %v", err)
	}
}

func TestAPackageIndexIsRead(t *testing.T) {
	got, err := parseIndex([]byte(`Package: libzmq5
Source: zeromq3 (4.3.5-1)
Version: 4.3.5-1+b8
Description: messages
 Size: 1
Filename: pool/main/z/zeromq3/libzmq5_4.3.5-1+b8_arm64.deb
Size: 257908
SHA256: c0c3

Package: libc6
Source: glibc
Version: 2.43-7
Filename: pool/main/g/glibc/libc6_2.43-7_arm64.deb
Size: 12
SHA256: d0

Package: zlib
Version: 1:1.3
Filename: pool/z.deb
Size: 3
SHA256: e0
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []pin{
		{Package: "libzmq5", Version: "4.3.5-1+b8", Source: "zeromq3 4.3.5-1", Path: "pool/main/z/zeromq3/libzmq5_4.3.5-1+b8_arm64.deb", Size: 257908, SHA256: "c0c3"},
		{Package: "libc6", Version: "2.43-7", Source: "glibc 2.43-7", Path: "pool/main/g/glibc/libc6_2.43-7_arm64.deb", Size: 12, SHA256: "d0"},
		{Package: "zlib", Version: "1:1.3", Source: "zlib 1:1.3", Path: "pool/z.deb", Size: 3, SHA256: "e0"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := parseIndex([]byte("Package: a\n")); err == nil || !strings.Contains(err.Error(), "no size of a") {
		t.Errorf("a package without a size: %v", err)
	}
}
