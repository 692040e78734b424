package apitest

import (
	"slices"
	"strconv"
)

// array is a PHP array: an ordered map whose keys are ints or strings. The real service is PHP, and
// much of what is odd in its answers is a PHP array's doing, so answers are built from these.
//
// Keys are kept as text. PHP turns a string key that reads like a decimal int into that int, and
// writes it back as the same text, so the two cannot be told apart from outside.
type array struct {
	keys []string
	vals []any
	at   map[string]int // made by the first set; lists never need it
	next int64          // the index that append uses
}

// newArray returns an array with the given keys and values in turns.
func newArray(pairs ...any) *array {
	a := &array{}
	for i := 0; i < len(pairs); i += 2 {
		a.set(pairs[i].(string), pairs[i+1])
	}
	return a
}

// newList returns an array with the keys 0, 1, 2 and so on.
func newList(vals ...any) *array {
	a := &array{}
	for _, v := range vals {
		a.add(v)
	}
	return a
}

// set gives key a value. As in PHP, a key that is there already keeps its place.
func (a *array) set(key string, val any) {
	if a.at == nil {
		a.at = make(map[string]int, len(a.keys)+4)
		for i, k := range a.keys {
			a.at[k] = i
		}
	}
	if i, ok := a.at[key]; ok {
		a.vals[i] = val
		return
	}
	a.at[key] = len(a.keys)
	a.keys = append(a.keys, key)
	a.vals = append(a.vals, val)
	if n, ok := phpInt(key); ok && n >= a.next {
		a.next = n + 1
	}
}

// add appends a value under the next free index, as PHP's $a[] = v does.
func (a *array) add(val any) {
	key := strconv.FormatInt(a.next, 10)
	if a.at != nil {
		a.at[key] = len(a.keys)
	}
	a.keys = append(a.keys, key)
	a.vals = append(a.vals, val)
	a.next++
}

// get returns the value of key, nil if there is none.
func (a *array) get(key string) any {
	if i := a.index(key); i >= 0 {
		return a.vals[i]
	}
	return nil
}

// has says whether there is a value for key, be it nil.
func (a *array) has(key string) bool { return a.index(key) >= 0 }

func (a *array) index(key string) int {
	if a.at == nil {
		return slices.Index(a.keys, key)
	}
	if i, ok := a.at[key]; ok {
		return i
	}
	return -1
}

// isList says whether json_encode would write the array as a list: its keys are exactly 0 to n-1, in
// that order. The empty array is a list.
func (a *array) isList() bool {
	for i, k := range a.keys {
		if k != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// phpInt says whether PHP would turn a string array key into an int, and into which.
func phpInt(key string) (int64, bool) {
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != key {
		return 0, false
	}
	return n, true
}
