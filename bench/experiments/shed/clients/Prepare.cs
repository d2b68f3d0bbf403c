#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// Ten clients a seed: 16 problems each, the words of the answers of clients 3 and 7 in random order.
//
//   dotnet run -c Release bench/experiments/shed/clients/Prepare.cs -- TEST.jsonl OUT SEED ...
//
// Of TEST.jsonl the problems of at most 500 characters, question and answer together: the first 96 of them measure values (the first 24 in
// small.jsonl), the others are drawn from by every seed anew.
using System.Globalization;
using System.Text.Json.Nodes;

const int Clients = 10, Records = 16, Validation = 96, Longest = 500;
int[] scrambled = [3, 7];
JsonObject[] pool = [.. File.ReadLines(args[0]).Select(line => JsonNode.Parse(line)!.AsObject()).Where(r => Text(r, "question").Length + Text(r, "answer").Length <= Longest)];
Directory.CreateDirectory(args[1]);
File.WriteAllLines(Path.Combine(args[1], "validation.jsonl"), pool.Take(Validation).Select(r => r.ToJsonString()));
File.WriteAllLines(Path.Combine(args[1], "small.jsonl"), pool.Take(Validation / 4).Select(r => r.ToJsonString()));
foreach (string seed in args.Skip(2))
{
    string folder = Directory.CreateDirectory(Path.Combine(args[1], "seed-" + seed)).FullName;
    var random = new Random(int.Parse(seed, CultureInfo.InvariantCulture));
    JsonObject[] drawn = [.. pool.Skip(Validation).Select(r => r.DeepClone().AsObject())];
    random.Shuffle(drawn);
    for (int k = 0; k < Clients; k++)
    {
        JsonObject[] own = drawn[(k * Records)..((k + 1) * Records)];
        foreach (JsonObject record in own.Where(_ => scrambled.Contains(k)))
        {
            string[] words = Text(record, "answer").Split(' ', '\n');
            random.Shuffle(words);
            record["answer"] = string.Join(' ', words);
        }

        File.WriteAllLines(Path.Combine(folder, $"client-{k}.jsonl"), own.Select(r => r.ToJsonString()));
    }
}

static string Text(JsonObject record, string field) => record[field]!.GetValue<string>();
