package fs

import (
	"fmt"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// BenchmarkFind walks 1,110 folders of 20 files at 50 ms a call, in the three orders
// of answers: cold, then within the TTL.
func BenchmarkFind(b *testing.B) {
	for _, order := range apitest.Orders() {
		b.Run(order.String(), func(b *testing.B) {
			var calls, warm int
			var warmTime time.Duration
			for b.Loop() {
				f := mount(b, setup{service: apitest.Options{
					Tree: apitest.Nested(root, 10, 3, 20), Order: order, Latency: 50 * time.Millisecond,
				}})
				if n := len(f.find()); n != 1110+1110*20 {
					b.Fatalf("%d entries", n)
				}
				calls += f.service.Calls().Total
				f.service.ResetCalls()
				began := time.Now()
				f.find()
				warmTime += time.Since(began)
				warm += f.service.Calls().Total
				f.unmount()
				f.service.Close()
			}
			b.ReportMetric(float64(calls)/float64(b.N), "calls")
			b.ReportMetric(float64(warm)/float64(b.N), "warm-calls")
			b.ReportMetric(warmTime.Seconds()/float64(b.N), "warm-s")
		})
	}
}

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
