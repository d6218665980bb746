// Records as the official Java clients write and read them: the golden bytes of tests/protocol/data/records-*.txt.
//
//   java -cp 'LIBS/*' RecordsGolden.java write VERSION > records-VERSION.txt
//   java -cp 'LIBS/*' RecordsGolden.java read < CASES          prints the same cases with the records Java finds in them
//
// LIBS holds kafka-clients of VERSION and what it needs: 3.9.1, 1.1.1, 0.10.2.2 or 0.8.2.2. Their classes differ, so they are
// reached by reflection. The reader of 0.8.2.2 fails on larger sets; let that of 1.1.1 read what it wrote:
//
//   java -cp '0.8.2.2/*' RecordsGolden.java write 0.8.2.2 | java -cp '1.1.1/*' RecordsGolden.java read
//
// A case is a line `case NAME BASE64`, then a line `record OFFSET TIMESTAMP KEY VALUE HEADERS` for each record that this
// client's own reader finds. Bytes are base64 after a `=`, `null`, or, where long, `#SIZE:CRC32`. Headers are
// `key:value` with commas between, or `-`.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.zip.CRC32;

public class RecordsGolden {
    static final String PACKAGE = "org.apache.kafka.common.record.";
    static final long TIME = 1_700_000_000_123L;

    record Entry(long offset, long timestamp, byte[] key, byte[] value, String[] headers) {}

    public static void main(String[] args) throws Exception {
        if (args[0].equals("write")) {
            for (String name : names(args[1])) print(name, write(name, args[1]));
        } else {
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
            for (String line; (line = in.readLine()) != null;) {
                String[] words = line.split(" ");
                if (words[0].equals("case")) print(words[1], ByteBuffer.wrap(Base64.getDecoder().decode(words[2])));
            }
        }
    }

    // A name says what is in the case: format, codec, which records, time type, as in `v2-lz4-small-append`.
    static List<String> names(String version) {
        List<String> names = new ArrayList<>();
        String[] formats = version.startsWith("0.8") ? new String[] {"v0"}
            : version.startsWith("0.10") ? new String[] {"v0", "v1"} : new String[] {"v0", "v1", "v2"};
        for (String format : formats)
            for (String codec : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) {
                if (codec.equals("zstd") && !(format.equals("v2") && version.startsWith("3"))) continue;
                names.add(format + "-" + codec + "-small-create");
                if (!codec.equals("none")) names.add(format + "-" + codec + "-large-create");
                if (!format.equals("v0")) names.add(format + "-" + codec + "-small-append");
            }
        if (version.startsWith("3"))
            names.addAll(List.of("v2-none-transaction-create", "v2-none-abort-marker", "v2-none-commit-marker",
                "v2-none-empty-create"));
        return names;
    }

    static List<Entry> entries(String which, boolean headers) {
        List<Entry> entries = new ArrayList<>();
        if (which.equals("large")) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; text.length() < 5000; i++) text.append("line ").append(i * 7 % 23).append('\n');
            for (int i = 0; i < 30; i++)
                entries.add(new Entry(10 + i, TIME + i, null, (i + text.toString()).getBytes(StandardCharsets.UTF_8), null));
            return entries;
        }
        entries.add(new Entry(10, TIME, bytes("key"), bytes("value"),
            headers ? new String[] {"a", "1", "a", null, "b", ""} : null));
        entries.add(new Entry(11, TIME + 3, null, bytes("no key"), null));
        entries.add(new Entry(12, TIME - 70000, bytes("deleted"), null, null));
        entries.add(new Entry(13, TIME + 8_000_000_000L, bytes(""), bytes(""), null));
        entries.add(new Entry(14, TIME, null, null, headers ? new String[] {"only", "header"} : null));
        entries.add(new Entry(15, TIME, bytes("k".repeat(300)), bytes("{\"text\":\"gr\u00fc\u00dfe\"}"), null));
        return entries;
    }

    static byte[] bytes(String text) { return text == null ? null : text.getBytes(StandardCharsets.UTF_8); }

    static ByteBuffer write(String name, String version) throws Exception {
        String[] parts = name.split("-");
        byte magic = Byte.parseByte(parts[0].substring(1));
        boolean append = parts[3].equals("append");
        if (parts[3].equals("marker")) return marker(parts[2]);
        if (parts[2].equals("empty")) return empty();
        List<Entry> entries = entries(parts[2], magic == 2);
        if (version.startsWith("0.8")) return write08(parts[1], entries);

        ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
        Object codec = codec(parts[1]);
        Object time = constant(PACKAGE + "TimestampType", append ? "LOG_APPEND_TIME" : "CREATE_TIME");
        boolean transactional = parts[2].equals("transaction");
        Class<?> records = Class.forName(PACKAGE + "MemoryRecords");
        Object builder = version.startsWith("0.10")
            ? call(records, null, "builder", buffer, magic, codec, time, 10L, append ? TIME + 99 : -1L)
            : call(records, null, "builder", buffer, magic, codec, time, 10L, append ? TIME + 99 : -1L,
                transactional ? 4000L : -1L, (short) (transactional ? 2 : -1), transactional ? 7 : -1, transactional, 5);
        for (Entry e : entries) {
            if (e.headers == null) {
                call(builder.getClass(), builder, "appendWithOffset", e.offset, e.timestamp, e.key, e.value);
            } else {
                call(builder.getClass(), builder, "appendWithOffset", e.offset, e.timestamp, e.key, e.value,
                    headers(e.headers));
            }
        }
        Object built = call(builder.getClass(), builder, "build");
        return (ByteBuffer) call(built.getClass(), built, "buffer");
    }

    static ByteBuffer write08(String codec, List<Entry> entries) throws Exception {
        Class<?> type = Class.forName(PACKAGE + "MemoryRecords");
        Object records = call(type, null, "emptyRecords", ByteBuffer.allocate(1 << 20), codec(codec), 1 << 20);
        for (Entry e : entries) call(type, records, "append", e.offset, e.key, e.value);
        call(type, records, "close");
        ByteBuffer buffer = (ByteBuffer) call(type, records, "buffer");
        buffer.flip();
        // The client leaves the offset of a wrapper at the count less one; a broker writes that of the last message.
        if (!codec.equals("none")) buffer.putLong(0, entries.get(entries.size() - 1).offset);
        return buffer;
    }

    static ByteBuffer marker(String type) throws Exception {
        Class<?> marker = Class.forName(PACKAGE + "EndTransactionMarker");
        Object control = constant(PACKAGE + "ControlRecordType", type.toUpperCase());
        Object end = marker.getConstructors()[0].newInstance(control, 3);
        Class<?> type2 = Class.forName(PACKAGE + "MemoryRecords");
        Object records = call(type2, null, "withEndTransactionMarker", 16L, TIME + 5, 5, 4000L, (short) 2, end);
        return (ByteBuffer) call(type2, records, "buffer");
    }

    static ByteBuffer empty() throws Exception {
        ByteBuffer buffer = ByteBuffer.allocate(100);
        Class<?> type = Class.forName(PACKAGE + "DefaultRecordBatch");
        call(type, null, "writeEmptyHeader", buffer, (byte) 2, 4000L, (short) 2, 7, 10L, 29L, 5,
            constant(PACKAGE + "TimestampType", "CREATE_TIME"), TIME, false, false);
        buffer.flip();
        return buffer;
    }

    static Object codec(String name) throws Exception {
        Object type = constant(PACKAGE + "CompressionType", name.toUpperCase());
        try {
            Class<?> compression = Class.forName("org.apache.kafka.common.compress.Compression");
            Object builder = call(compression, null, "of", type);
            Method build = builder.getClass().getMethod("build");
            build.setAccessible(true);
            return build.invoke(builder);
        } catch (ClassNotFoundException before38) {
            return type;
        }
    }

    static Object headers(String[] pairs) throws Exception {
        Class<?> header = Class.forName("org.apache.kafka.common.header.Header");
        Class<?> made = Class.forName("org.apache.kafka.common.header.internals.RecordHeader");
        Object array = java.lang.reflect.Array.newInstance(header, pairs.length / 2);
        for (int i = 0; i < pairs.length; i += 2)
            java.lang.reflect.Array.set(array, i / 2,
                made.getConstructor(String.class, byte[].class).newInstance(pairs[i], bytes(pairs[i + 1])));
        return array;
    }

    static void print(String name, ByteBuffer data) throws Exception {
        byte[] copy = new byte[data.remaining()];
        data.duplicate().get(copy);
        System.out.println("case " + name + " " + Base64.getEncoder().encodeToString(copy));
        Class<?> type = Class.forName(PACKAGE + "MemoryRecords");
        ByteBuffer buffer = ByteBuffer.wrap(copy);
        if (has(type, "batches")) {
            for (Object batch : (Iterable<?>) call(type, call(type, null, "readableRecords", buffer), "batches")) {
                call(batch.getClass(), batch, "ensureValid");
                for (Object r : (Iterable<?>) batch) {
                    StringBuilder headers = new StringBuilder();
                    for (Object h : (Object[]) call(r.getClass(), r, "headers")) {
                        if (headers.length() > 0) headers.append(',');
                        headers.append(text(bytes((String) call(h.getClass(), h, "key")))).append(':')
                            .append(text((byte[]) call(h.getClass(), h, "value")));
                    }
                    print(call(r.getClass(), r, "offset"), call(r.getClass(), r, "timestamp"), r, headers.toString());
                }
            }
        } else if (has(type, "deepEntries")) {
            Object records = call(type, null, "readableRecords", buffer);
            for (Object entry : (Iterable<?>) call(type, records, "deepEntries")) {
                Object r = call(entry.getClass(), entry, "record");
                call(r.getClass(), r, "ensureValid");
                print(call(entry.getClass(), entry, "offset"), call(r.getClass(), r, "timestamp"), r, "");
            }
        }  // 0.8.2 takes a short read for the end of a message, and fails on what it wrote itself
    }

    static void print(Object offset, Object timestamp, Object r, String headers) throws Exception {
        System.out.println("record " + offset + " " + timestamp + " " + text(content(r, "key")) + " "
            + text(content(r, "value")) + " " + (headers.isEmpty() ? "-" : headers));
    }

    static byte[] content(Object r, String field) throws Exception {
        ByteBuffer buffer = (ByteBuffer) call(r.getClass(), r, field);
        if (buffer == null) return null;
        byte[] copy = new byte[buffer.remaining()];
        buffer.duplicate().get(copy);
        return copy;
    }

    static String text(byte[] bytes) {
        if (bytes == null) return "null";
        if (bytes.length <= 64) return "=" + Base64.getEncoder().encodeToString(bytes);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return "#" + bytes.length + ":" + Long.toHexString(crc.getValue());
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static Object constant(String type, String name) throws Exception {
        return Enum.valueOf((Class) Class.forName(type), name);
    }

    static boolean has(Class<?> type, String method) {
        return Arrays.stream(type.getMethods()).anyMatch(m -> m.getName().equals(method));
    }

    static Object call(Class<?> type, Object target, String name, Object... args) throws Exception {
        for (Class<?> c = type; c != null; c = c.getSuperclass())
            for (Method m : c.getDeclaredMethods())
                if (m.getName().equals(name) && fits(m.getParameterTypes(), args)) {
                    m.setAccessible(true);
                    try {
                        return m.invoke(target, args);
                    } catch (InvocationTargetException e) {
                        throw (Exception) e.getCause();
                    }
                }
        for (Class<?> i : type.getInterfaces())
            for (Method m : i.getMethods())
                if (m.getName().equals(name) && fits(m.getParameterTypes(), args)) return m.invoke(target, args);
        throw new NoSuchMethodException(type + "." + name + Arrays.toString(args));
    }

    static boolean fits(Class<?>[] types, Object[] args) {
        if (types.length != args.length) return false;
        for (int i = 0; i < types.length; i++) {
            Class<?> t = types[i];
            if (args[i] == null ? t.isPrimitive() || t == ByteBuffer.class : t.isPrimitive()
                    ? !t.getSimpleName().equals(primitive(args[i])) : !t.isInstance(args[i])) return false;
        }
        return true;
    }

    static String primitive(Object boxed) {
        return boxed instanceof Long ? "long" : boxed instanceof Integer ? "int" : boxed instanceof Short ? "short"
            : boxed instanceof Byte ? "byte" : boxed instanceof Boolean ? "boolean" : "";
    }
}
