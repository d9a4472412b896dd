// SPDX-License-Identifier: MIT
//
// peer_etcd - etcd's concurrency.Mutex under the workloads of tests/bench.
//
//	peer_etcd cycle|crowd|many ENDPOINT SECONDS [N]
//
// crowd: N sessions, one lock; many: N locks on one session, as each library
// is meant to be used.  One line of JSON, as the drivers in C print it.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
)

var (
	over     int32
	released int64
	begin    = time.Now()
)

type worker struct {
	cycles int
	times  []float64
}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer_etcd:", err)
		os.Exit(1)
	}
}

func (w *worker) run(mutex *concurrency.Mutex, gaps bool) {
	ctx := context.Background()
	for atomic.LoadInt32(&over) == 0 {
		ask := time.Now()
		die(mutex.Lock(ctx))
		last := atomic.SwapInt64(&released, 0)
		if atomic.LoadInt32(&over) == 0 {
			w.cycles++
			if !gaps {
				w.times = append(w.times, float64(time.Since(ask)))
			} else if last != 0 {
				w.times = append(w.times, float64(int64(time.Since(begin))-last))
			}
		}
		atomic.StoreInt64(&released, int64(time.Since(begin)))
		die(mutex.Unlock(ctx))
	}
}

func show(workers []*worker, took time.Duration) {
	cycles, fewest, most := 0, 1<<60, 0
	var times []float64
	for _, w := range workers {
		cycles += w.cycles
		times = append(times, w.times...)
		if w.cycles < fewest {
			fewest = w.cycles
		}
		if w.cycles > most {
			most = w.cycles
		}
	}
	sort.Float64s(times)
	at := func(part float64) float64 {
		if len(times) == 0 {
			return 0
		}
		i := int(part * float64(len(times)))
		if i >= len(times) {
			i = len(times) - 1
		}
		return times[i] / 1e3
	}
	fmt.Printf("{\"cycles\": %d, \"seconds\": %.6f, \"rate\": %.3f, "+
		"\"p50_us\": %.3f, \"p99_us\": %.3f, \"fewest\": %d, \"most\": %d}\n",
		cycles, took.Seconds(), float64(cycles)/took.Seconds(), at(0.5), at(0.99),
		fewest, most)
}

func main() {
	what, endpoint := os.Args[1], os.Args[2]
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	die(err)
	n := 1
	if len(os.Args) > 4 {
		n, err = strconv.Atoi(os.Args[4])
		die(err)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	die(err)
	var workers []*worker
	var mutexes []*concurrency.Mutex
	var session *concurrency.Session
	for i := 0; i < n; i++ {
		if session == nil || what == "crowd" {
			session, err = concurrency.NewSession(client)
			die(err)
		}
		name := "/bench/" + what
		if what == "many" {
			name += "/" + strconv.Itoa(i)
		}
		mutexes = append(mutexes, concurrency.NewMutex(session, name))
		workers = append(workers, &worker{})
	}
	var wait sync.WaitGroup
	start := time.Now()
	for i := range workers {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			workers[i].run(mutexes[i], what == "crowd")
		}(i)
	}
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	atomic.StoreInt32(&over, 1)
	took := time.Since(start)
	wait.Wait()
	show(workers, took)
}
