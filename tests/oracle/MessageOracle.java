import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.StringJoiner;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

/**
 * Says what the official client makes of Kafka's messages: the truth that kwire's own are tested against.
 *
 * <p>Run by generate.sh with the jars of one kafka-clients on the class path:
 *
 * <pre>
 *   MessageOracle list                                   every message this client knows: name:low-high
 *   MessageOracle messages COUNT SEED NAME:LOW-HIGH...   lines of: name, version, hex ("-" for no bytes), JSON
 *   MessageOracle live COUNT SEED NAME:LOW-HIGH...       gives values and judges those it is given: see liveMessages
 *   MessageOracle schemas NAME:LOW-HIGH...               what every version looks like on the wire
 *   MessageOracle fields NAME:LOW-HIGH...                defaults, and what happens to a field the version lacks
 *   MessageOracle errors                                 code, name, whether the client tries again
 * </pre>
 *
 * LOW-HIGH are cut to what this client knows; nothing is printed for the rest. Messages are all requests and responses,
 * the headers, and what stands in records and in the bytes of other messages.
 */
public class MessageOracle {
    record Wanted(String name, Class<?> type, Schema[] schemas, int low, int high) {}

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "list" -> {
                for (Wanted wanted : all()) System.out.println(wanted.name + ":" + wanted.low + "-" + wanted.high);
            }
            case "messages" -> {
                int count = Integer.parseInt(args[1]);
                long seed = Long.parseLong(args[2]);
                for (Wanted wanted : wanted(args, 3)) printMessages(wanted, count, seed);
            }
            case "live" -> {
                int count = Integer.parseInt(args[1]);
                long seed = Long.parseLong(args[2]);
                DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 16));
                DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
                for (Wanted wanted : wanted(args, 3)) liveMessages(wanted, count, seed, out, in);
                out.writeInt(0);
                out.flush();
            }
            case "schemas" -> {
                for (Wanted wanted : wanted(args, 1)) {
                    for (int v = wanted.low; v <= wanted.high; v++) {
                        System.out.println(schemaLine(wanted, v));
                    }
                }
            }
            case "fields" -> {
                for (Wanted wanted : wanted(args, 1)) {
                    printFields(wanted.name, wanted.type, wanted.low, wanted.high);
                }
            }
            case "errors" -> {
                for (Errors error : Errors.values()) {
                    boolean retriable = error.exception() instanceof RetriableException;
                    System.out.println(error.code() + " " + error + (retriable ? " retriable" : ""));
                }
            }
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    static List<Wanted> wanted(String[] args, int from) throws Exception {
        List<Wanted> all = new ArrayList<>();
        for (int i = from; i < args.length; i++) {
            String[] range = args[i].split(":")[1].split("-");
            all.add(wanted(args[i].split(":")[0], Integer.parseInt(range[0]), Integer.parseInt(range[1])));
        }
        return all;
    }

    static Wanted wanted(String name, int low, int high) throws Exception {
        Class<?> type = messageClass(name);
        Message sample = (Message) make(type);
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        return new Wanted(name, type, schemas, Math.max(low, sample.lowestSupportedVersion()),
                Math.min(high, sample.highestSupportedVersion()));
    }

    // ---- Which messages there are.

    /** Classes of requests, responses and headers end in Data, others do not. */
    static final String[] PACKAGES = {
        "org.apache.kafka.common.message.", "org.apache.kafka.common.metadata.",
        "org.apache.kafka.coordinator.group.generated.", "org.apache.kafka.coordinator.transaction.generated.",
        "org.apache.kafka.coordinator.share.generated.",
        "org.apache.kafka.server.log.remote.metadata.storage.generated.",
    };

    static Class<?> messageClass(String name) throws ClassNotFoundException {
        for (String place : PACKAGES) {
            for (String suffix : new String[] {"Data", ""}) {
                try {
                    return Class.forName(place + name + suffix);
                } catch (ClassNotFoundException e) {
                    continue;
                }
            }
        }
        throw new ClassNotFoundException(name);
    }

    static String messageName(Object message) {
        String name = message.getClass().getSimpleName();
        boolean ofAnApi = name.endsWith("RequestData") || name.endsWith("ResponseData") || name.endsWith("HeaderData");
        return ofAnApi ? name.substring(0, name.length() - "Data".length()) : name;
    }

    /** All messages, in the order of API keys and record types. Those in records are taken from newer clients only. */
    static List<Wanted> all() throws Exception {
        List<String> names = new ArrayList<>();
        for (ApiKeys key : ApiKeys.values()) {
            try {
                names.add(messageName(key.messageType.newRequest()));
                names.add(messageName(key.messageType.newResponse()));
            } catch (UnsupportedVersionException e) {
                continue; // 4.x keeps the names of what it dropped
            }
        }
        names.add("RequestHeader");
        names.add("ResponseHeader");
        try {
            Class.forName("org.apache.kafka.common.message.EndTxnMarker");
            names.addAll(embedded());
        } catch (ClassNotFoundException e) {
            // An older client.
        }
        List<Wanted> all = new ArrayList<>();
        for (String name : names) all.add(wanted(name, 0, 99));
        return all;
    }

    static List<String> embedded() throws Exception {
        List<String> names = new ArrayList<>(List.of("ConsumerProtocolSubscription", "ConsumerProtocolAssignment",
                "ControlRecordTypeSchema", "EndTxnMarker", "LeaderChangeMessage", "SnapshotHeaderRecord",
                "SnapshotFooterRecord", "KRaftVersionRecord", "VotersRecord", "ProducerSnapshot", "DefaultPrincipalData"));
        for (String coordinator : new String[] {"group", "transaction", "share"}) {
            Class<?> types = Class.forName("org.apache.kafka.coordinator." + coordinator + ".generated.CoordinatorRecordType");
            for (Object type : types.getEnumConstants()) {
                names.add(messageName(types.getMethod("newRecordKey").invoke(type)));
                names.add(messageName(types.getMethod("newRecordValue").invoke(type)));
            }
        }
        Class<?> types = Class.forName("org.apache.kafka.common.metadata.MetadataRecordType");
        for (Object type : types.getEnumConstants()) {
            names.add(messageName(types.getMethod("newMetadataRecord").invoke(type)));
        }
        return names;
    }

    // ---- Schemas.

    /** The accessor is not public in every client; the class holds exactly one map. */
    @SuppressWarnings("unchecked")
    static TreeMap<Integer, org.apache.kafka.common.protocol.types.Field> tagged(TaggedFields type)
            throws Exception {
        for (Field f : TaggedFields.class.getDeclaredFields()) {
            if (Map.class.isAssignableFrom(f.getType())) {
                f.setAccessible(true);
                return new TreeMap<>(
                        (Map<Integer, org.apache.kafka.common.protocol.types.Field>) f.get(type));
            }
        }
        throw new IllegalStateException("TaggedFields without a map");
    }

    /** A schema's fields, in the order of the wire, tagged ones last. */
    record Entry(String name, Type type, Integer tag) {}

    static final Map<Schema, List<Entry>> knownEntries = new IdentityHashMap<>();

    static List<Entry> entries(Schema schema) throws Exception {
        List<Entry> list = knownEntries.get(schema);
        if (list != null) return list;
        list = new ArrayList<>();
        knownEntries.put(schema, list);
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields tags) {
                for (var e : tagged(tags).entrySet()) {
                    list.add(new Entry(e.getValue().name, e.getValue().type, e.getKey()));
                }
            } else {
                list.add(new Entry(bound.def.name, bound.def.type, null));
            }
        }
        return list;
    }

    static boolean isFlexible(Schema schema) {
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields) return true;
        }
        return false;
    }

    static Schema structure(Type type) throws Exception {
        if (type instanceof Schema s) return s;
        for (Field f : type.getClass().getDeclaredFields()) {
            if (f.getType() == Schema.class) {
                f.setAccessible(true);
                return (Schema) f.get(type);
            }
        }
        return null;
    }

    static String schemaLine(Wanted wanted, int version) throws Exception {
        Schema schema = wanted.schemas[version];
        boolean flexible = isFlexible(schema);
        String fields = fieldList(schema, flexible);
        // The older client writes null there and does not say so in its schema.
        if (wanted.name.equals("ShareGroupHeartbeatResponse")) fields = fields.replace("assignment {", "assignment ?{");
        return wanted.name + " " + version + (flexible ? " compact" : "") + ":"
                + (fields.isEmpty() ? "" : " " + fields);
    }

    static String fieldList(Schema schema, boolean flexible) throws Exception {
        StringJoiner fields = new StringJoiner(", ");
        for (Entry entry : entries(schema)) {
            fields.add((entry.tag == null ? "" : "#" + entry.tag + " ") + entry.name + " "
                    + typeName(entry.type, flexible, true));
        }
        return fields.toString();
    }

    /** Older clients do not say it of records: those that they alone know may all be null. */
    static boolean mayBeNull(String typeName) {
        boolean says = false;
        for (Field f : Type.class.getFields()) says = says || f.getName().equals("NULLABLE_RECORDS");
        return typeName.contains("NULLABLE") || (typeName.endsWith("RECORDS") && !says);
    }

    /** For structs. What may be null is no Schema in older clients, and a kind of Schema in newer ones. */
    static boolean mayBeNull(Type structure) {
        return !(structure instanceof Schema) || structure.isNullable();
    }

    static String typeName(Type type, boolean flexible, boolean outer) throws Exception {
        if (type.isArray()) {
            String prefix = outer && type.isNullable() ? "?[]" : "[]";
            return prefix + typeName(type.arrayElementType().get(), flexible, false);
        }
        Schema schema = structure(type);
        if (schema != null) {
            return (mayBeNull(type) ? "?" : "") + "{" + fieldList(schema, flexible) + "}";
        }
        String name = type.toString();
        if (name.endsWith("RECORDS")) return mayBeNull(name) ? "?records" : "records";
        boolean variable = name.endsWith("STRING") || name.endsWith("BYTES");
        String mark = variable && flexible && !name.startsWith("COMPACT_") ? "long " : "";
        if (name.contains("NULLABLE_")) mark += "?";
        name = name.replace("COMPACT_", "").replace("NULLABLE_", "").toLowerCase(Locale.ROOT);
        return mark + (name.equals("boolean") ? "bool" : name);
    }

    // ---- Values.

    static final String[] TEXTS = {"", "a", "topic-1", "Grüße", "\uD83D\uDC1F \"quoted\\\"\n\u0001", "orders.eu"};

    /** How values are chosen: at random, or as much null and as little else as there can be. */
    static class Filler {
        final Random random;
        final boolean nulls;
        final boolean unknownTags;
        // A tagged struct at its defaults is only written if it holds an unknown tag; kwire does not go that far.
        boolean insideTag = false;

        Filler(Random random, boolean nulls, boolean unknownTags) {
            this.random = random;
            this.nulls = nulls;
            this.unknownTags = unknownTags;
        }

        void fill(Message message, Schema schema) throws Exception {
            for (Entry entry : entries(schema)) {
                if (entry.tag != null && random.nextInt(3) == 0) continue;
                Field field = javaField(message.getClass(), entry.name);
                boolean around = insideTag;
                insideTag = insideTag || entry.tag != null;
                Object value = value(entry.type, field.getType(), elementClass(field));
                insideTag = around;
                field.set(message, value);
            }
            if (unknownTags && !insideTag && isFlexible(schema) && random.nextBoolean()) {
                int first = 40 + random.nextInt(100);
                message.unknownTaggedFields().add(new RawTaggedField(first, bytes(random.nextInt(4))));
                message.unknownTaggedFields().add(new RawTaggedField(first + 1000, bytes(200)));
            }
        }

        byte[] bytes(int size) {
            byte[] data = new byte[size];
            random.nextBytes(data);
            return data;
        }

        long number(int bits) {
            long any = random.nextLong() >> (64 - bits);
            return switch (random.nextInt(4)) {
                case 0 -> random.nextInt(100);
                case 1 -> -1;
                default -> any;
            };
        }

        boolean isNull(Type type, boolean nullable) {
            return nullable && (nulls || random.nextInt(4) == 0);
        }

        @SuppressWarnings("unchecked")
        Object value(Type type, Class<?> java, Class<?> element) throws Exception {
            if (type.isArray()) {
                if (isNull(type, type.isNullable())) return null;
                Collection<Object> list = java == List.class
                        ? new ArrayList<>() : (Collection<Object>) make(java);
                int count = nulls ? 1 : random.nextInt(3);
                for (int i = 0; i < count; i++) {
                    list.add(value(type.arrayElementType().get(), element, null));
                }
                return list;
            }
            Schema schema = structure(type);
            if (schema != null) {
                if (isNull(type, mayBeNull(type))) return null;
                Message message = (Message) make(java);
                fill(message, schema);
                return message;
            }
            if (java == boolean.class) return random.nextBoolean();
            if (java == byte.class || java == Byte.class) return (byte) number(8);
            if (java == short.class || java == Short.class) return (short) number(16);
            if (java == int.class || java == Integer.class) {
                return type.toString().equals("UINT16") ? random.nextInt(65536) : (int) number(32);
            }
            if (java == long.class || java == Long.class) {
                return type.toString().equals("UINT32") ? random.nextLong() & 0xffffffffL : number(64);
            }
            if (java == double.class) return random.nextGaussian() * 1e6;
            if (java == Uuid.class) return random.nextInt(4) == 0 ? Uuid.ZERO_UUID : Uuid.fromString(uuidText());
            String name = type.toString();
            if (isNull(type, mayBeNull(name))) return null;
            if (java == String.class) return text();
            byte[] data = bytes(random.nextInt(40));
            if (name.endsWith("RECORDS")) return records(data);
            return java == byte[].class ? data : ByteBuffer.wrap(data);
        }

        // Long enough, now and then, for a compact length of two bytes.
        String text() {
            return random.nextInt(20) == 0 ? "x".repeat(130) : TEXTS[random.nextInt(TEXTS.length)];
        }

        String uuidText() {
            return new Uuid(random.nextLong(), random.nextLong()).toString();
        }
    }

    /** The class moved to another package in 4.x. */
    static Object records(byte[] data) throws Exception {
        Class<?> type;
        try {
            type = Class.forName("org.apache.kafka.common.record.internal.MemoryRecords");
        } catch (ClassNotFoundException e) {
            type = Class.forName("org.apache.kafka.common.record.MemoryRecords");
        }
        return type.getMethod("readableRecords", ByteBuffer.class).invoke(null, ByteBuffer.wrap(data));
    }

    static Object make(Class<?> type) throws Exception {
        Constructor<?> constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    static String plain(String name) {
        return name.replace("_", "").toLowerCase(Locale.ROOT);
    }

    static List<Field> javaFields(Class<?> type) {
        List<Field> fields = new ArrayList<>();
        for (Field f : type.getDeclaredFields()) {
            // next and prev are links of Kafka's own hash lists.
            if (Modifier.isStatic(f.getModifiers()) || f.getName().startsWith("_")) continue;
            if (f.getName().equals("next") || f.getName().equals("prev")) continue;
            f.setAccessible(true);
            fields.add(f);
        }
        return fields;
    }

    static final Map<Class<?>, Map<String, Field>> knownFields = new HashMap<>();

    static Field javaField(Class<?> type, String wireName) {
        return knownFields.computeIfAbsent(type, t -> new HashMap<>()).computeIfAbsent(wireName, name -> {
            for (Field f : javaFields(type)) {
                if (plain(f.getName()).equals(plain(name))) return f;
            }
            throw new IllegalStateException(type + " has no field " + name);
        });
    }

    static Class<?> elementClass(Field field) {
        if (field.getGenericType() instanceof ParameterizedType p) {
            return (Class<?>) p.getActualTypeArguments()[0];
        }
        if (field.getType().getGenericSuperclass() instanceof ParameterizedType p) {
            return (Class<?>) p.getActualTypeArguments()[0];
        }
        return null;
    }

    static String hex(Message message, int version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, (short) version));
        message.write(new ByteBufferAccessor(buffer), cache, (short) version);
        if (buffer.hasRemaining()) throw new IllegalStateException("size() and write() disagree");
        return HexFormat.of().formatHex(buffer.array());
    }

    static byte[] bytes(Message message, int version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, (short) version));
        message.write(new ByteBufferAccessor(buffer), cache, (short) version);
        return buffer.array();
    }

    // ---- In conversation with kwire, over two pipes. Texts and bytes follow their size, 4 bytes each.

    static void put(DataOutputStream out, byte[] data) throws Exception {
        out.writeInt(data.length);
        out.write(data);
    }

    static byte[] take(DataInputStream in) throws Exception {
        byte[] data = new byte[in.readInt()];
        in.readFully(data);
        return data;
    }

    /**
     * For each version: name, version and count go out, then so many times bytes and JSON. Back come as many values
     * of kwire's making, bytes and JSON each. Then goes out what is wrong with them, nothing if all are right.
     */
    static void liveMessages(Wanted wanted, int count, long seed, DataOutputStream out, DataInputStream in)
            throws Exception {
        Class<?> converter = Class.forName(wanted.type.getName() + "JsonConverter");
        var write = converter.getMethod("write", wanted.type, short.class, boolean.class);
        var read = converter.getMethod("read", JsonNode.class, short.class);
        for (int v = wanted.low; v <= wanted.high; v++) {
            Random random = new Random(seed + wanted.name.hashCode() * 31L + v);
            put(out, wanted.name.getBytes(StandardCharsets.UTF_8));
            out.writeInt(v);
            out.writeInt(count);
            for (int i = 0; i < count; i++) {
                Message message = (Message) make(wanted.type);
                if (i > 0) new Filler(random, i % 10 == 1, i % 10 == 2).fill(message, wanted.schemas[v]);
                put(out, bytes(message, v));
                put(out, write.invoke(null, message, (short) v, false).toString().getBytes(StandardCharsets.UTF_8));
            }
            out.flush();
            String wrong = "";
            for (int i = 0; i < count; i++) {
                byte[] data = take(in);
                byte[] json = take(in);
                if (wrong.isEmpty()) wrong = judge(wanted, (short) v, data, json, read);
            }
            put(out, wrong.getBytes(StandardCharsets.UTF_8));
        }
    }

    static String judge(Wanted wanted, short version, byte[] data, byte[] json, java.lang.reflect.Method read) {
        try {
            Message message = (Message) make(wanted.type);
            ByteBuffer buffer = ByteBuffer.wrap(data);
            message.read(new ByteBufferAccessor(buffer), version);
            if (buffer.hasRemaining()) return buffer.remaining() + " bytes left over";
            if (!Arrays.equals(bytes(message, version), data)) return "other bytes: " + message;
            Message fromJson = (Message) read.invoke(null, new ObjectMapper().readTree(json), version);
            if (!Arrays.equals(bytes(fromJson, version), data)) return "other bytes from JSON: " + fromJson;
            return "";
        } catch (Exception e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            return cause + " in " + HexFormat.of().formatHex(data) + " " + new String(json, StandardCharsets.UTF_8);
        }
    }

    static void printMessages(Wanted wanted, int count, long seed) throws Exception {
        Class<?> converter = Class.forName(wanted.type.getName() + "JsonConverter");
        var write = converter.getMethod("write", wanted.type, short.class, boolean.class);
        for (int v = wanted.low; v <= wanted.high; v++) {
            Random random = new Random(seed + wanted.name.hashCode() * 31L + v);
            for (int i = 0; i < count; i++) {
                Message message = (Message) make(wanted.type);
                // The first has all defaults, the second all nulls, the third unknown tags.
                if (i > 0) new Filler(random, i == 1, i == 2).fill(message, wanted.schemas[v]);
                JsonNode json = (JsonNode) write.invoke(null, message, (short) v, false);
                String hex = hex(message, v);
                System.out.println(wanted.name + " " + v + " " + (hex.isEmpty() ? "-" : hex) + " " + json);
            }
        }
    }

    // ---- Defaults, and fields that a version lacks.

    static boolean canWrite(Message message, int version) {
        try {
            hex(message, version);
            return true;
        } catch (UnsupportedVersionException | NullPointerException e) {
            return false;
        }
    }

    static void printFields(String path, Class<?> type, int low, int high) throws Exception {
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        for (Field field : javaFields(type)) {
            String name = null;
            StringJoiner dropped = new StringJoiner(",");
            StringJoiner refused = new StringJoiner(",");
            for (int v = 0; v < schemas.length; v++) {
                Optional<Entry> entry = schemas[v] == null ? Optional.empty() : entries(schemas[v]).stream()
                        .filter(e -> plain(e.name).equals(plain(field.getName()))).findFirst();
                if (entry.isPresent()) name = entry.get().name;
            }
            if (name == null) continue;
            for (int v = low; v <= high; v++) {
                if (v >= schemas.length || schemas[v] == null) continue;
                String wireName = name;
                if (entries(schemas[v]).stream().anyMatch(e -> e.name.equals(wireName))) continue;
                if (!canWrite((Message) make(type), v)) continue;
                Message message = (Message) make(type);
                field.set(message, otherThan(field, field.get(message)));
                (canWrite(message, v) ? dropped : refused).add("" + v);
            }
            System.out.println(path + "." + name + " default " + describe(field.get(make(type)))
                    + (dropped.length() > 0 ? " dropped " + dropped : "")
                    + (refused.length() > 0 ? " refused " + refused : ""));
            Class<?> element = elementClass(field);
            Class<?> inner = element != null ? element : field.getType();
            if (Message.class.isAssignableFrom(inner)) printFields(path + "." + name, inner, low, high);
        }
    }

    @SuppressWarnings("unchecked")
    static Object otherThan(Field field, Object value) throws Exception {
        Class<?> type = field.getType();
        if (type == boolean.class) return !(Boolean) value;
        if (type == byte.class) return (byte) ((Byte) value ^ 5);
        if (type == short.class) return (short) ((Short) value ^ 5);
        if (type == int.class) return (Integer) value ^ 5;
        if (type == long.class) return (Long) value ^ 5;
        if (type == String.class) return value + "x";
        if (type == Uuid.class) return new Uuid(1, 2);
        if (Collection.class.isAssignableFrom(type)) {
            Collection<Object> list = type == List.class ? new ArrayList<>() : (Collection<Object>) make(type);
            Class<?> element = elementClass(field);
            list.add(element == Byte.class ? (Object) (byte) 1 : element == Short.class ? (Object) (short) 1
                    : element == Integer.class ? (Object) 1 : element == Long.class ? (Object) 1L
                    : element == String.class ? "x" : element == Uuid.class ? new Uuid(1, 2) : make(element));
            return list;
        }
        Object structure = make(type);
        Field first = javaFields(type).get(0);
        first.set(structure, otherThan(first, first.get(structure)));
        return structure;
    }

    static String describe(Object value) {
        if (value == null) return "null";
        if (value instanceof String s) return "\"" + s + "\"";
        if (value instanceof byte[] bytes) return bytes.length == 0 ? "\"\"" : "?";
        if (value instanceof ByteBuffer bytes) return bytes.hasRemaining() ? "?" : "\"\"";
        if (value instanceof Collection<?>) return "[]";
        if (value instanceof Message) return "{}";
        if (value instanceof Uuid u) return u.toString();
        return value.toString();
    }
}
