// A reader by pgx v5, the driver of Grafana's PostgreSQL data source: every way it can send a
// query, every type, COPY, batches, and a context that ends. Prints "ok NAME" for each part; the
// first that is wrong ends the program with what it saw.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

var background = context.Background()

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func same(what string, got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("%s: got %#v, wanted %#v", what, got, wanted))
	}
}

func connect(mode pgx.QueryExecMode) *pgx.Conn {
	config, err := pgx.ParseConfig(os.Getenv("DOOR_URL"))
	must(err)
	config.DefaultQueryExecMode = mode
	connection, err := pgx.ConnectConfig(background, config)
	must(err)
	return connection
}

var modes = map[string]pgx.QueryExecMode{
	"simple_protocol": pgx.QueryExecModeSimpleProtocol,
	"cache_statement": pgx.QueryExecModeCacheStatement,
	"cache_describe":  pgx.QueryExecModeCacheDescribe,
	"describe_exec":   pgx.QueryExecModeDescribeExec,
	"exec":            pgx.QueryExecModeExec,
}

// Parameters next to columns, and the same statement again, in every mode.
func queries(c *pgx.Conn) {
	since := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 3 {
		rows, err := c.Query(background, `SELECT s.sat_id, s.name, l.t_event
			FROM satellite s JOIN latest l ON l.sat_id = s.sat_id
			WHERE s.sat_id >= $1 AND s.fleet = $2 AND l.t_event > $3 ORDER BY 1 LIMIT $4`,
			int64(1003), "cloud", since, int64(2))
		must(err)
		var ids []int64
		for rows.Next() {
			var id int64
			var name string
			var at time.Time
			must(rows.Scan(&id, &name, &at))
			same("name", name, fmt.Sprintf("ODC-%d", id-1000))
			if at.Before(since) {
				panic(at)
			}
			ids = append(ids, id)
		}
		must(rows.Err())
		same("ids", ids, []int64{1003, 1004})
	}
	var margin *float64
	must(c.QueryRow(background, "SELECT avg(power_margin_w) FROM latest").Scan(&margin))
	var pg *pgconn.PgError
	_, err := c.Exec(background, "SELECT nope FROM latest")
	if !errors.As(err, &pg) || pg.Code != "42703" {
		panic(err)
	}
	_, err = c.Exec(background, "DELETE FROM satellite")
	if !errors.As(err, &pg) || pg.Code != "25006" {
		panic(err)
	}
}

// Each value goes as a parameter and comes back, in binary where pgx has a binary codec.
func types(c *pgx.Conn) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)
	day := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	for kind, value := range map[string]any{
		"bool": true, "int2": int16(-7), "int4": int32(1 << 30), "int8": int64(-1 << 62),
		"float4": float32(1.5), "float8": 1e-300, "text": "hé'\\\n", "bytea": []byte{0, 255},
		"date": day, "timestamp": at, "timestamptz": at, "int4[]": []int32{1, 2},
		"text[]": []string{"a,b", "\""}, "float8[]": []float64{0.5}, "bool[]": []bool{true},
	} {
		got := reflect.New(reflect.TypeOf(value))
		must(c.QueryRow(background, "SELECT $1::"+kind, value).Scan(got.Interface()))
		if when, is := got.Elem().Interface().(time.Time); is {
			same(kind, when.UTC(), value)
		} else {
			same(kind, got.Elem().Interface(), value)
		}
	}
	var number pgtype.Numeric
	must(c.QueryRow(background, "SELECT $1::numeric", "-12345.67890").Scan(&number))
	text, err := number.Value()
	must(err)
	same("numeric", text, "-12345.67890")
	var span pgtype.Interval
	must(c.QueryRow(background, "SELECT interval '1 month 2 days 3 seconds'").Scan(&span))
	same("interval", span, pgtype.Interval{Months: 1, Days: 2, Microseconds: 3e6, Valid: true})
	var id pgtype.UUID
	must(c.QueryRow(background, "SELECT '00000000-0000-0000-0000-00000000004d'::uuid").Scan(&id))
	same("uuid", id.Bytes[15], byte(77))
	var told map[string]int
	must(c.QueryRow(background, `SELECT '{"a": 1}'::json`).Scan(&told))
	same("json", told["a"], 1)
	var nothing *int64
	must(c.QueryRow(background, "SELECT NULL::int8").Scan(&nothing))
	if nothing != nil {
		panic("NULL")
	}
	var clock pgtype.Time
	must(c.QueryRow(background, "SELECT time '01:02:03'").Scan(&clock))
	same("time", clock.Microseconds, int64(3723e6))
}

func copyOut(c *pgx.Conn) {
	var out bytes.Buffer
	tag, err := c.PgConn().CopyTo(background, &out,
		"COPY (SELECT sat_id, name FROM satellite WHERE sat_id < 1002 ORDER BY 1) TO STDOUT")
	must(err)
	same("tag", tag.String(), "COPY 2")
	same("rows", out.String(), "1000\tODC-0\n1001\tODC-1\n")
	_, err = c.PgConn().CopyFrom(background, strings.NewReader("1\n"), "COPY satellite FROM STDIN")
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		panic(err)
	}
	must(c.Ping(background))
}

func batch(c *pgx.Conn) {
	asked := &pgx.Batch{}
	for n := range 5 {
		asked.Queue("SELECT name FROM satellite WHERE sat_id = $1", int64(1000+n))
	}
	results := c.SendBatch(background, asked)
	for n := range 5 {
		var name string
		must(results.QueryRow().Scan(&name))
		same("batch", name, fmt.Sprintf("ODC-%d", n))
	}
	must(results.Close())
}

func cancel() {
	pool, err := pgxpool.New(background, os.Getenv("DOOR_URL"))
	must(err)
	defer pool.Close()
	short, stop := context.WithTimeout(background, 300*time.Millisecond)
	defer stop()
	begun := time.Now()
	_, err = pool.Exec(short, "SELECT pg_sleep(60)")
	if err == nil || time.Since(begun) > 5*time.Second {
		panic(fmt.Sprint("not cancelled: ", err))
	}
	must(pool.Ping(background))
}

func main() {
	defer func() {
		if wrong := recover(); wrong != nil {
			fmt.Println("wrong:", wrong)
			os.Exit(1)
		}
	}()
	for name, mode := range modes {
		c := connect(mode)
		queries(c)
		fmt.Println("ok", name)
		if mode == pgx.QueryExecModeCacheStatement || mode == pgx.QueryExecModeSimpleProtocol {
			if mode == pgx.QueryExecModeCacheStatement {
				types(c)
				copyOut(c)
			}
			batch(c)
		}
		must(c.Close(background))
	}
	cancel()
	fmt.Println("ok types copy batch cancel")
}
