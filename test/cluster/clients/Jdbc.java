import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLWarning;
import org.postgresql.util.ServerErrorMessage;

/* The JDBC driver, spoken to as clients.py says; its argument is the URL. */
public class Jdbc {
    private static Connection connection;
    private static final Map<String, PreparedStatement> kept = new HashMap<>();
    private static volatile Statement current;

    public static void main(String[] arguments) throws Exception {
        connection = DriverManager.getConnection(arguments[0]);
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            String[] words = line.split(" ");
            for (int i = 0; i < words.length; i++)
                words[i] = URLDecoder.decode(words[i], StandardCharsets.UTF_8);
            if (words[0].equals("cancel")) {
                current.cancel();
            } else {
                Thread worker = new Thread(() -> answer(words)); // a cancel must be read meanwhile
                worker.start();
            }
        }
        connection.close();
    }

    private static void answer(String[] words) {
        List<String> rows = new ArrayList<>(), notices = new ArrayList<>();
        String error = "null";
        try {
            if (words[0].equals("autocommit"))
                connection.setAutoCommit(words[1].equals("on"));
            else if (words[0].equals("rollback"))
                connection.rollback();
            else
                run(words, rows, notices);
        } catch (SQLException raised) {
            error = described(raised);
        }
        System.out.println("{\"rows\": [" + String.join(", ", rows) + "], \"notices\": [" +
            String.join(", ", notices) + "], \"error\": " + error + "}");
        System.out.flush();
    }

    private static void run(String[] words, List<String> rows, List<String> notices) throws SQLException {
        Statement statement;
        if (words[0].equals("simple"))
            statement = connection.createStatement();
        else if (words[0].equals("kept") && kept.containsKey(words[1]))
            statement = kept.get(words[1]);
        else
            statement = connection.prepareStatement(words[1]);
        if (words[0].equals("kept"))
            kept.put(words[1], (PreparedStatement) statement);
        for (int i = 2; i < words.length; i++)
            set((PreparedStatement) statement, i - 1, words[i]);
        current = statement;
        try {
            boolean has_rows = words[0].equals("simple") ? statement.execute(words[1])
                                                        : ((PreparedStatement) statement).execute();
            if (has_rows)
                read(statement.getResultSet(), rows);
        } finally {
            for (SQLWarning told = statement.getWarnings(); told != null; told = told.getNextWarning())
                notices.add("{\"message\": " + text(((PSQLWarning) told).getServerErrorMessage().getMessage()) + "}");
            statement.clearWarnings();
            if (!words[0].equals("kept"))
                statement.close();
        }
    }

    private static void set(PreparedStatement statement, int place, String parameter) throws SQLException {
        String value = parameter.substring(2);
        if (parameter.startsWith("i:"))
            statement.setInt(place, Integer.parseInt(value));
        else if (parameter.startsWith("t:"))
            statement.setString(place, value);
        else
            statement.setNull(place, Types.NULL);
    }

    private static void read(ResultSet found, List<String> rows) throws SQLException {
        while (found.next()) {
            List<String> columns = new ArrayList<>();
            for (int i = 1; i <= found.getMetaData().getColumnCount(); i++) {
                Object value = found.getObject(i);
                columns.add(text(found.getMetaData().getColumnLabel(i)) + ": " +
                    (value == null || value instanceof Number ? String.valueOf(value) : text(value.toString())));
            }
            rows.add("{" + String.join(", ", columns) + "}");
        }
    }

    private static String described(SQLException raised) {
        ServerErrorMessage told = raised instanceof PSQLException ? ((PSQLException) raised).getServerErrorMessage() : null;
        return "{\"state\": " + text(raised.getSQLState()) +
            ", \"message\": " + text(told == null ? raised.getMessage() : told.getMessage()) +
            ", \"detail\": " + text(told == null ? null : told.getDetail()) +
            ", \"hint\": " + text(told == null ? null : told.getHint()) +
            ", \"constraint\": " + text(told == null ? null : told.getConstraint()) + "}";
    }

    private static String text(String value) {
        if (value == null)
            return "null";
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : value.toCharArray())
            if (letter < ' ' || letter == '"' || letter == '\\' || letter > '~')
                quoted.append(String.format("\\u%04x", (int) letter));
            else
                quoted.append(letter);
        return quoted.append('"').toString();
    }
}
