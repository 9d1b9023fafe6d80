// A reader by pgjdbc, the driver of DBeaver and Metabase: its metadata calls, fetch size,
// server-side prepared statements with binary transfer, values of each type, cancel, timeout, COPY.
// Prints "ok NAME" for each part; the first that is wrong ends the program with what it saw.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class Reader {
    static void same(String what, Object got, Object wanted) {
        if (!Objects.deepEquals(got, wanted)) {
            throw new AssertionError(what + ": got " + got + ", wanted " + wanted);
        }
    }

    static List<String> column(ResultSet rows, String name) throws SQLException {
        List<String> found = new ArrayList<>();
        while (rows.next()) found.add(rows.getString(name));
        rows.close();
        return found;
    }

    static void metadata(Connection c) throws SQLException {
        DatabaseMetaData about = c.getMetaData();
        same("product", about.getDatabaseProductName(), "PostgreSQL");
        same("catalogs", column(about.getCatalogs(), "TABLE_CAT"), List.of("twin"));
        same("schemas", new TreeSet<>(column(about.getSchemas(), "TABLE_SCHEM")),
             new TreeSet<>(List.of("information_schema", "pg_catalog", "public")));
        List<String> tables =
            column(about.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME");
        if (!tables.containsAll(List.of("event", "latest", "satellite"))) {
            throw new AssertionError("tables: " + tables);
        }
        ResultSet one = about.getTables(null, "public", "satellite", null);
        one.next();
        same("remarks", one.getString("REMARKS"), "who flies, as the producers told");
        ResultSet columns = about.getColumns(null, "public", "event", "%");
        Map<String, String> kinds = new HashMap<>();
        while (columns.next()) {
            kinds.put(columns.getString("COLUMN_NAME"), columns.getString("TYPE_NAME"));
            if (columns.getString("REMARKS") == null) {
                throw new AssertionError("no comment on " + columns.getString("COLUMN_NAME"));
            }
        }
        same("event.ts", kinds.get("ts"), "timestamptz");
        same("event.sat_id", kinds.get("sat_id"), "int8");
        same("keys", column(about.getPrimaryKeys(null, "public", "event"), "COLUMN_NAME"),
             List.of());
        same("indexes", column(about.getIndexInfo(null, "public", "event", false, true),
             "INDEX_NAME"), List.of());
        same("imported", column(about.getImportedKeys(null, "public", "event"), "FKTABLE_NAME"),
             List.of());
        List<String> types = column(about.getTypeInfo(), "TYPE_NAME");
        if (!types.containsAll(List.of("int8", "float8", "timestamptz", "text", "json"))) {
            throw new AssertionError("types: " + types);
        }
        column(about.getFunctions(null, "public", "%"), "FUNCTION_NAME");
        column(about.getProcedures(null, "public", "%"), "PROCEDURE_NAME");
        column(about.getTableTypes(), "TABLE_TYPE");
        column(about.getTablePrivileges(null, "public", "satellite"), "TABLE_NAME");
        same("index columns", about.getMaxColumnsInIndex(), 32);
        if (!c.isValid(5)) throw new AssertionError("not valid");
    }

    static void parts(Connection c) throws SQLException {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.setFetchSize(100);
            ResultSet rows = s.executeQuery("SELECT i FROM range(1050) t(i)");
            long sum = 0;
            while (rows.next()) sum += rows.getLong(1);
            same("sum", sum, 1049L * 1050 / 2);
        }
        c.commit();
        c.setAutoCommit(true);
    }

    static void prepared(Connection c) throws SQLException {
        String sql = "SELECT s.name, s.sat_id, l.t_event FROM satellite s JOIN latest l"
            + " ON l.sat_id = s.sat_id WHERE s.sat_id = ? AND s.fleet = ? AND l.t_event > ?";
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (int n = 0; n < 12; n++) { // from the fifth on by name and in binary
                s.setLong(1, 1000 + n);
                s.setString(2, "cloud");
                s.setObject(3, OffsetDateTime.of(2020, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC));
                ResultSet rows = s.executeQuery();
                if (!rows.next()) throw new AssertionError("no row " + n);
                same("name", rows.getString(1), "ODC-" + n);
                same("id", rows.getLong(2), 1000L + n);
                rows.getObject(3, OffsetDateTime.class);
            }
        }
        try (PreparedStatement s = c.prepareStatement(
                "SELECT count(*) FROM satellite WHERE sat_id = ANY(?)")) {
            s.setArray(1, c.createArrayOf("int8", new Long[] {1000L, 1001L, 5L}));
            ResultSet rows = s.executeQuery();
            rows.next();
            same("any", rows.getInt(1), 2);
        }
    }

    static void types(Connection c) throws SQLException {
        OffsetDateTime at = OffsetDateTime.of(2026, 2, 3, 4, 5, 6, 7000, ZoneOffset.UTC);
        UUID id = new UUID(0, 77);
        String sql = "SELECT ?::bool, ?::int2, ?::int4, ?::int8, ?::float4, ?::float8, ?::numeric,"
            + " ?::text, ?::bytea, ?::date, ?::timestamp, ?::timestamptz, ?::uuid, ?::time,"
            + " NULL::int8, '{\"a\": 1}'::json, ARRAY[1, 2]::int4[]";
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (int n = 0; n < 8; n++) {
                s.setBoolean(1, true);
                s.setShort(2, (short) -7);
                s.setInt(3, 1 << 30);
                s.setLong(4, -1L << 62);
                s.setFloat(5, 1.5f);
                s.setDouble(6, 1e-300);
                s.setBigDecimal(7, new BigDecimal("-12345.67890"));
                s.setString(8, "hé'\\");
                s.setBytes(9, new byte[] {0, -1});
                s.setObject(10, LocalDate.of(2026, 2, 3));
                s.setObject(11, LocalDateTime.of(2026, 2, 3, 4, 5, 6, 7000));
                s.setObject(12, at);
                s.setObject(13, id);
                s.setObject(14, LocalTime.of(1, 2, 3));
                ResultSet r = s.executeQuery();
                r.next();
                same("bool", r.getBoolean(1), true);
                same("int2", r.getShort(2), (short) -7);
                same("int4", r.getInt(3), 1 << 30);
                same("int8", r.getLong(4), -1L << 62);
                same("float4", r.getFloat(5), 1.5f);
                same("float8", r.getDouble(6), 1e-300);
                same("numeric", r.getBigDecimal(7), new BigDecimal("-12345.67890"));
                same("text", r.getString(8), "hé'\\");
                same("bytea", r.getBytes(9), new byte[] {0, -1});
                same("date", r.getObject(10, LocalDate.class), LocalDate.of(2026, 2, 3));
                same("timestamp", r.getObject(11, LocalDateTime.class),
                     LocalDateTime.of(2026, 2, 3, 4, 5, 6, 7000));
                same("timestamptz", r.getObject(12, OffsetDateTime.class).toInstant(),
                     at.toInstant());
                same("uuid", r.getObject(13), id);
                same("time", r.getObject(14, LocalTime.class), LocalTime.of(1, 2, 3));
                r.getLong(15);
                same("null", r.wasNull(), true);
                same("json", r.getString(16), "{\"a\": 1}");
                same("array", (Integer[]) r.getArray(17).getArray(), new Integer[] {1, 2});
            }
        }
    }

    static void stopping(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            new Thread(() -> {
                try {
                    Thread.sleep(300);
                    s.cancel();
                } catch (Exception problem) {
                    throw new RuntimeException(problem);
                }
            }).start();
            s.execute("SELECT pg_sleep(60)");
            throw new AssertionError("not cancelled");
        } catch (SQLException problem) {
            same("cancel", problem.getSQLState(), "57014");
        }
        try (Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            s.execute("SELECT pg_sleep(60)");
            throw new AssertionError("no timeout");
        } catch (SQLException problem) {
            same("timeout", problem.getSQLState(), "57014");
        }
    }

    static void copying(Connection c) throws Exception {
        CopyManager copies = c.unwrap(PGConnection.class).getCopyAPI();
        StringWriter out = new StringWriter();
        long rows = copies.copyOut(
            "COPY (SELECT sat_id, name FROM satellite WHERE sat_id < 1002 ORDER BY 1)"
            + " TO STDOUT WITH (FORMAT csv, HEADER)", out);
        same("rows", rows, 2L);
        same("csv", out.toString(), "sat_id,name\n1000,ODC-0\n1001,ODC-1\n");
        try {
            copies.copyIn("COPY satellite FROM STDIN", new StringReader("1\n"));
            throw new AssertionError("COPY FROM was let in");
        } catch (SQLException refused) {
            if (!List.of("25006", "42501").contains(refused.getSQLState())) throw refused;
        }
        try (Statement s = c.createStatement()) {
            s.execute("SELECT 1");
        }
    }

    public static void main(String[] arguments) throws Exception {
        Properties login = new Properties();
        login.setProperty("user", System.getenv("DOOR_USER"));
        login.setProperty("password", System.getenv("DOOR_PASSWORD"));
        try (Connection c = DriverManager.getConnection(System.getenv("DOOR_JDBC"), login)) {
            metadata(c);
            System.out.println("ok metadata");
            parts(c);
            System.out.println("ok fetch size");
            prepared(c);
            System.out.println("ok prepared");
            types(c);
            System.out.println("ok types");
            stopping(c);
            System.out.println("ok cancel");
            copying(c);
            System.out.println("ok copy");
        }
    }
}
