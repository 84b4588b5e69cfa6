package cobblestone_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

func Example() {
	key := make([]byte, cobblestone.Cobblestone256.KeySize())
	rand.Read(key)
	context := []byte("backups/2026-11-23")

	var sealed bytes.Buffer
	w, err := cobblestone.NewWriter(&sealed, key, context, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = io.Copy(w, strings.NewReader("any bytes, of any size"))
	if err == nil { // only a whole message gets its end
		err = w.Close()
	}
	fmt.Println(sealed.Len(), err)

	r, err := cobblestone.NewReader(&sealed, key, context, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	msg, err := io.ReadAll(r)
	fmt.Printf("%q %v\n", msg, err)
	// Output:
	// 94 <nil>
	// "any bytes, of any size" <nil>
}

func ExampleAppendOpen() {
	key := make([]byte, 32)
	rand.Read(key)
	sealed, _ := cobblestone.AppendSeal(nil, key, []byte("alice"), []byte("hello"), nil)

	msg, err := cobblestone.AppendOpen(nil, key, []byte("alice"), sealed, nil)
	fmt.Printf("%q %v\n", msg, err)
	_, err = cobblestone.AppendOpen(nil, key, []byte("bob"), sealed, nil)
	fmt.Println(errors.Is(err, cobblestone.ErrCommitment), err)
	_, err = cobblestone.AppendOpen(nil, key, []byte("alice"), sealed[:70], nil)
	fmt.Println(errors.Is(err, cobblestone.ErrTruncated), err)
	// Output:
	// "hello" <nil>
	// true cobblestone: wrong key or context, or changed header
	// true cobblestone: truncated message
}

func ExampleNewReaderAt() {
	key := make([]byte, 32)
	rand.Read(key)
	msg := bytes.Repeat([]byte("0123456789"), 10_000)
	sealed, _ := cobblestone.AppendSeal(nil, key, nil, msg, nil)

	r, err := cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	file := io.NewSectionReader(r, 0, r.Size())
	_, _ = file.Seek(-5, io.SeekEnd)
	end, err := io.ReadAll(file)
	fmt.Printf("%d %q %v\n", r.Size(), end, err)
	// Output: 100000 "56789" <nil>
}
