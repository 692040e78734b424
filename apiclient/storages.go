package apiclient

import (
	"context"
	"regexp"
	"slices"
)

// storageName is what a storage is called (files.list page: sestore{#}).
var storageName = regexp.MustCompile(`\bsestore[0-9]+\b`)

// Storages returns the names of the storages that the account uses, such as
// sestore4, sorted. The form of the answer to files.getstorage is not known, so
// every text in it is searched but the ones of the envelope.
func (c *Client) Storages(ctx context.Context) ([]string, error) {
	var names []string
	err := c.call(ctx, request{command: "files.getstorage"}, func(answer envelope) error {
		if names = storageNames(answer.body); len(names) == 0 {
			return malformed("the answer names no storage")
		}
		return nil
	})
	return names, err
}

// storageNames searches an answer for names of storages.
func storageNames(answer value) []string {
	var names []string
	var search func(v value)
	search = func(v value) {
		names = append(names, storageName.FindAllString(v.text, -1)...)
		for _, key := range v.keys {
			names = append(names, storageName.FindAllString(key, -1)...)
		}
		for _, item := range v.items {
			search(item)
		}
	}
	for i, key := range answer.keys {
		if key != "message" && key != "debug" && key != "debug2" {
			search(answer.items[i])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
