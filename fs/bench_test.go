package fs

import (
	"fmt"
	"testing"

	"sefs/apiclient/apitest"
)

// BenchmarkWarmList reads the names of a folder that the kernel has cached.
func BenchmarkWarmList(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := mount(b, setup{service: apitest.Options{Tree: apitest.Flat(root, n)}})
			f.must("ls", "-f", f.dir)
			for b.Loop() {
				f.must("ls", "-f", f.dir)
			}
		})
	}
}
