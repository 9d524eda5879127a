import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.JDBCType;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.Base64;
import java.util.Calendar;
import java.util.GregorianCalendar;
import java.util.TimeZone;

/** What Postgres's JDBC driver says of the columns of table t and of the tables there are, a line each, with tabs between. */
class PostgresColumns {
  public static void main(String[] args) throws Exception {
    Calendar zone = new GregorianCalendar(TimeZone.getTimeZone(args[1]));
    try (Connection connection = DriverManager.getConnection(args[0])) {
      ResultSet row = connection.createStatement().executeQuery("SELECT * FROM t");
      ResultSetMetaData columns = row.getMetaData();
      row.next();
      for (int i = 1; i <= columns.getColumnCount(); i++) {
        boolean nullable = columns.isNullable(i) != ResultSetMetaData.columnNoNulls;
        System.out.println(String.join("\t", "column", columns.getColumnName(i), JDBCType.valueOf(columns.getColumnType(i)).name(),
            columns.getColumnTypeName(i), "" + columns.getPrecision(i), "" + columns.getScale(i), "" + nullable,
            "" + columns.isAutoIncrement(i), value(row, i, columns, zone)));
      }
      ResultSet tables = connection.getMetaData().getTables(null, null, "%", new String[] {"TABLE", "PARTITIONED TABLE", "VIEW", "MATERIALIZED VIEW"});
      while (tables.next()) System.out.println(String.join("\t", "table", tables.getString(2), tables.getString(3), tables.getString(4)));
    }
  }

  static String value(ResultSet row, int i, ResultSetMetaData columns, Calendar zone) throws Exception {
    switch (columns.getColumnType(i)) {
      case Types.DATE:
        return "" + row.getDate(i, new GregorianCalendar(TimeZone.getTimeZone("UTC"))).getTime();
      case Types.TIME:
        return "" + row.getTime(i, zone).getTime();
      case Types.TIMESTAMP:
        Timestamp timestamp = row.getTimestamp(i, zone);
        return timestamp.getTime() + "." + timestamp.getNanos();
      case Types.NUMERIC:
        return row.getBigDecimal(i, columns.getScale(i)).toPlainString();
      case Types.BINARY:
        return Base64.getEncoder().encodeToString(row.getBytes(i));
      case Types.BIT:
        return columns.getPrecision(i) <= 1 ? "" + row.getBoolean(i) : "";
      default:
        return row.getString(i);
    }
  }
}
