import java.util.Random;

/** The numbers of java.util.Random for seeds: a line for each, with what its methods give one after the other. */
class RandomNumbers {
  public static void main(String[] seeds) {
    for (String seed : seeds) {
      Random random = new Random(Long.parseLong(seed));
      StringBuilder line = new StringBuilder();
      for (int round = 1; round <= 50; round++) {
        byte[] bytes = new byte[round % 7];
        random.nextBytes(bytes);
        int sum = 0;
        for (byte octet : bytes) sum = sum * 31 + (octet & 0xff);
        line.append(random.nextInt()).append(' ').append(random.nextInt(round * 1_000_003)).append(' ').append(random.nextInt(1 << (round % 31))).append(' ')
            .append(random.nextLong()).append(' ').append(random.nextBoolean()).append(' ').append((long) (random.nextDouble() * 9e15)).append(' ')
            .append((int) (random.nextFloat() * 16777216)).append(' ').append(sum).append(' ');
        random.setSeed(random.nextLong());
      }
      System.out.println(line.toString().trim());
    }
  }
}
