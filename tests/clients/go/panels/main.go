// Asks each SQL text of the dashboards as Grafana's PostgreSQL data source does: by pgx, in one
// simple query, and reads every value by the type that its column says. Texts come on stdin, a JSON
// string a line; an answer goes to stdout for each, as one line of JSON. The first error ends it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

type answer struct {
	Columns []string `json:"columns"`
	Types   []uint32 `json:"types"`
	Rows    [][]any  `json:"rows"`
}

func must(err error, doing string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, doing)
		os.Exit(1)
	}
}

// A value of Go's own type for the column's: a float, a truth, a time (as text, in UTC) or a text.
func value(types *pgtype.Map, field pgconn.FieldDescription, raw []byte) (any, error) {
	if raw == nil {
		return nil, nil
	}
	var err error
	switch field.DataTypeOID {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID,
		pgtype.NumericOID:
		var number float64
		err = types.Scan(field.DataTypeOID, field.Format, raw, &number)
		return number, err
	case pgtype.BoolOID:
		var truth bool
		err = types.Scan(field.DataTypeOID, field.Format, raw, &truth)
		return truth, err
	case pgtype.TimestamptzOID:
		var at time.Time
		err = types.Scan(field.DataTypeOID, field.Format, raw, &at)
		return at.UTC().Format("2006-01-02T15:04:05.000000"), err
	case pgtype.TextOID, pgtype.VarcharOID:
		return string(raw), nil
	}
	return nil, fmt.Errorf("column %s has the type %d", field.Name, field.DataTypeOID)
}

func ask(connection *pgx.Conn, sql string) answer {
	results := connection.PgConn().Exec(context.Background(), sql)
	said := answer{Rows: [][]any{}}
	for results.NextResult() {
		if said.Columns != nil {
			must(fmt.Errorf("more than one result"), sql)
		}
		reader := results.ResultReader()
		fields := reader.FieldDescriptions()
		for _, field := range fields {
			said.Columns = append(said.Columns, field.Name)
			said.Types = append(said.Types, field.DataTypeOID)
		}
		for reader.NextRow() {
			row := make([]any, len(fields))
			for i, raw := range reader.Values() {
				read, err := value(connection.TypeMap(), fields[i], raw)
				must(err, sql)
				row[i] = read
			}
			said.Rows = append(said.Rows, row)
		}
	}
	must(results.Close(), sql)
	return said
}

func main() {
	connection, err := pgx.Connect(context.Background(), os.Getenv("DOOR_URL"))
	must(err, "connecting")
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var sql string
		must(json.Unmarshal(line, &sql), "reading a text")
		must(out.Encode(ask(connection, sql)), sql)
	}
}
