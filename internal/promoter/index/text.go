package index

import (
	"bytes"
	"unsafe"
)

// Text is an index in pieces, most of them pieces of the index that was edited.
type Text [][]byte

// Len is the number of its bytes.
func (t Text) Len() int {
	n := 0
	for _, piece := range t {
		n += len(piece)
	}
	return n
}

// Bytes are all bytes, in a copy unless the text is one piece.
func (t Text) Bytes() []byte {
	if len(t) == 1 {
		return t[0]
	}
	return bytes.Join(t, nil)
}

// joined is a text to which parts are added; parts that follow one another in the file are one piece.
type joined struct {
	Text
	whole   []byte
	lineEnd []byte
	end     int // where the last piece ends in whole, 0 if it is not of it
}

// add adds a part. The last line of the file may lack a line end, and other lines may now follow it.
func (j *joined) add(part []byte) {
	if len(part) == 0 {
		return
	}
	begin, inside := j.offset(part)
	if last := len(j.Text) - 1; last >= 0 {
		piece := j.Text[last]
		switch {
		case piece[len(piece)-1] != '\n':
			j.Text = append(j.Text, j.lineEnd)
		case inside && j.end > 0 && j.end == begin:
			j.end += len(part)
			j.Text[last] = j.whole[j.end-len(piece)-len(part) : j.end : j.end]
			return
		}
	}
	j.Text = append(j.Text, part)
	if j.end = 0; inside {
		j.end = begin + len(part)
	}
}

// offset is where a part begins in the file, if it is a slice of it.
func (j *joined) offset(part []byte) (begin int, inside bool) {
	first, at := uintptr(unsafe.Pointer(unsafe.SliceData(j.whole))), uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	if at < first || at-first+uintptr(len(part)) > uintptr(len(j.whole)) {
		return 0, false
	}
	return int(at - first), true
}
