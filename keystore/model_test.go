package keystore_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"github.com/leanovate/gopter/gen"

	"github.com/parley-e2ee/parley/keystore"
)

var seed = flag.Int64("seed", 0, "seed of the model test; 0 takes the time")

// A model is what a store should hold. It is not changed once made.
type model map[place]string

// A place is a bucket and a key, as indices of these: keys that are prefixes
// of one another, buckets that are easily confused.
type place struct{ bucket, key int }

var (
	modelBuckets = []keystore.Bucket{{Name: "a"}, {Name: "a", Erasable: true}, {Name: "aa"}}
	modelKeys    = []string{"\x00", "a", "a\x00", "aa", "ab", "b", "b\xff", "\xff", "\xff\xff"} // in order
)

// A write is a Store or Delete.
type write struct {
	at      place
	value   string
	deletes bool
}

// after returns the model with writes done.
func (m model) after(writes []write) model {
	next := maps.Clone(m)
	for _, w := range writes {
		if w.deletes {
			delete(next, w.at)
		} else {
			next[w.at] = w.value
		}
	}
	return next
}

// dump is the model as text, in order of bucket and key.
func (m model) dump(prefix string) string {
	var out strings.Builder
	for b := range modelBuckets {
		for k, key := range modelKeys {
			value, found := m[place{b, k}]
			if found && strings.HasPrefix(key, prefix) {
				fmt.Fprintf(&out, "%d %q=%q\n", b, key, value)
			}
		}
	}
	return out.String()
}

// dump is what a transaction sees, by Scan and by Load.
func dump(tx keystore.Tx, prefix string) (string, error) {
	scanned, loaded := new(strings.Builder), make(model)
	for b, bucket := range modelBuckets {
		for record, err := range tx.Scan(bucket, []byte(prefix)) {
			if err != nil {
				return "", err
			}
			fmt.Fprintf(scanned, "%d %q=%q\n", b, record.Key, record.Value)
		}
		for k, key := range modelKeys {
			value, err := tx.Load(bucket, []byte(key))
			if err == nil {
				loaded[place{b, k}] = string(value)
			} else if !errors.Is(err, keystore.ErrNotFound) {
				return "", err
			}
		}
	}
	if scanned.String() != loaded.dump(prefix) {
		return "", fmt.Errorf("scan sees\n%sload sees\n%s", scanned, loaded.dump(prefix))
	}
	return scanned.String(), nil
}

var genWrites = gen.SliceOf(gopter.CombineGens(
	gen.IntRange(0, len(modelBuckets)-1),
	gen.IntRange(0, len(modelKeys)-1),
	gen.AlphaString(),
	gen.IntRange(0, 2),
).Map(func(drawn []any) write {
	return write{
		at:      place{drawn[0].(int), drawn[1].(int)},
		value:   drawn[2].(string),
		deletes: drawn[3].(int) == 0,
	}
}))

var genCommand = gen.Frequency(map[int]gopter.Gen{
	6: gopter.CombineGens(genWrites, gen.IntRange(0, endings-1)).Map(func(drawn []any) commands.Command {
		return update{drawn[0].([]write), ending(drawn[1].(int))}
	}),
	2: gen.OneConstOf("", "a", "b", "\xff", "c").Map(func(prefix string) commands.Command { return scan(prefix) }),
	1: gen.Const(restart{}).Map(func(r restart) commands.Command { return r }),
})

// TestModel runs random commands on a store and on a map.
func TestModel(t *testing.T) { testModel(t, memories{}, 200) }

// testModel does so with stores of a kind, so many times.
func testModel(t *testing.T, kind storeKind, times int) {
	if *seed == 0 {
		*seed = time.Now().UnixNano()
	}
	t.Logf("seed %d", *seed)
	parameters := gopter.DefaultTestParametersWithSeed(*seed)
	parameters.MinSuccessfulTests = times
	if testing.Short() {
		parameters.MinSuccessfulTests = times / 10
	}
	parameters.MaxSize = 40
	properties := gopter.NewProperties(parameters)
	properties.Property("a store is a map", commands.Prop(&commands.ProtoCommands{
		NewSystemUnderTestFunc: func(commands.State) commands.SystemUnderTest {
			store, err := kind.make()
			if err != nil {
				panic(err)
			}
			return &system{store, kind}
		},
		DestroySystemUnderTestFunc: func(sut commands.SystemUnderTest) { sut.(*system).store.Close() },
		InitialStateGen:            gen.Const(state{now: model{}}),
		GenCommandFunc:             func(commands.State) gopter.Gen { return genCommand },
	}))
	var report strings.Builder
	if !properties.Run(gopter.NewFormatedReporter(true, 100, &report)) {
		t.Errorf("%s\nrun again with -args -seed %d", report.String(), *seed)
	}
}
