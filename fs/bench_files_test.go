package fs

import (
	"fmt"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// BenchmarkBackup copies 1,000 files of 10 KiB at 50 ms a call, eight calls and eight
// downloads at a time. x is the time divided by what it takes to make two calls for each
// eight at a time.
func BenchmarkBackup(b *testing.B) {
	const files, trip, at = 1000, 50 * time.Millisecond, 8
	for _, folders := range []int{1, 100} {
		for _, program := range [][]string{{"rsync", "-a"}, {"cp", "-r"}, {"tar"}} {
			b.Run(fmt.Sprintf("%s/folders=%d", program[0], folders), func(b *testing.B) {
				for b.Loop() {
					f := mount(b, setup{prefetch: true, sweep: true, concurrency: at, downloads: at, service: apitest.Options{
						Tree: rows(folders, files/folders), Latency: trip, Content: apitest.ContentOptions{FirstByte: trip},
					}})
					began := time.Now()
					if program[0] == "tar" {
						f.must("sh", "-c", "tar cf - -C "+f.dir+" . | wc -c") // of /dev/null, tar reads nothing
					} else {
						f.must(program[0], append(program[1:], f.dir+"/", b.TempDir())...)
					}
					took := time.Since(began)
					b.ReportMetric(took.Seconds()/(2*files*trip/at).Seconds(), "x")
					b.ReportMetric(float64(f.service.Calls().LinksTotal()), "links")
					b.ReportMetric(float64(f.service.Calls().Content), "contents")
					b.Logf("%+v", f.blocks.Stats())
					f.unmount()
					f.service.Close()
				}
			})
		}
	}
}
