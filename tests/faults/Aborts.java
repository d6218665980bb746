// Writes into a topic what no consumer may be handed: transactions that are aborted, the last of them at the end of each
// partition. One is left open for a while, so that readers wait at the last stable offset.
//
//     Aborts BOOTSTRAP TOPIC PARTITIONS TRANSACTIONS OPEN_MS
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public class Aborts {
    public static void main(String[] arguments) throws Exception {
        final String topic = arguments[1];
        final int partitions = Integer.parseInt(arguments[2]);
        final int transactions = Integer.parseInt(arguments[3]);
        final long openMs = Long.parseLong(arguments[4]);
        try (var producer = new KafkaProducer<String, String>(
                Map.of("bootstrap.servers", arguments[0], "transactional.id", topic + "-aborts"),
                new StringSerializer(), new StringSerializer())) {
            producer.initTransactions();
            for (int transaction = 0; transaction < transactions; ++transaction) {
                producer.beginTransaction();
                for (int message = 0; message < 20 * partitions; ++message) {
                    producer.send(new ProducerRecord<>(topic, message % partitions, null, "aborted " + message));
                }
                producer.flush();
                if (transaction == transactions - 1) Thread.sleep(openMs);
                producer.abortTransaction();
            }
        }
    }
}
