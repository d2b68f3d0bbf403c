using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using NativeFl.Data;
using NativeFl.Tensors;
using NativeFl.Tests.Tokenization;

namespace NativeFl.Tests.Data;

public sealed class RecordReaderTests
{
    [Test]
    public void Lines_and_arrays_are_told_apart_by_content()
    {
        const string lines = "{\"a\":\"1\"}\n\n  {\"a\":\"2\"}\r\n{\"a\":\"3\"}\n\r", array = "\n[ {\"a\":\"1\"},\n\n  {\"a\":\"2\"}, {\"a\":\"3\"} ]\n";
        Assert.Multiple(() =>
        {
            foreach (string bom in new[] { "", "\uFEFF" })
            {
                Assert.That(Show(DataFiles.Records(bom + lines)), Is.EqualTo(new[] { "0@1=1", "2@3=2", "3@4=3" }));
                Assert.That(Show(DataFiles.Records(bom + array)), Is.EqualTo(new[] { "0@2=1", "1@4=2", "2@4=3" }));
            }
        });
    }

    [Test]
    public void Ids_come_from_the_record_or_the_line()
    {
        IReadOnlyList<DataRecord> records = DataFiles.Records("{\"id\":\"x\"}\n{\"id\":7}\n{\"id\":null}\n{}");
        Assert.That(records.Select(r => r.Id), Is.EqualTo(new[] { "x", "7", "2", "3" }));
    }

    [Test]
    public void Ids_of_several_files_are_told_apart()
    {
        using var files = new DataFiles();
        string one = files.Write("one", "{}\n{}"), two = files.Write("two", "[{},{\"id\":\"x\"}]");
        Assert.That(RecordReader.Read([one, two]).Select(r => r.Id), Is.EqualTo(new[] { "0:0", "0:1", "1:0", "1:x" }));
    }

    [TestCase(true, "[{}]", "\uFEFF\n[{},{}]")]
    [TestCase(false, "[{}]", "{}")]
    [TestCase(false, "{}", "[{}]")]
    public void Files_are_arrays_where_each_of_them_is_one(bool areArrays, params string[] contents)
    {
        using var files = new DataFiles();
        RecordReader.Read([.. contents.Select((content, i) => files.Write($"{i}", content))], out bool got);
        Assert.That(got, Is.EqualTo(areArrays));
    }

    [TestCase("{}\nnonsense", ":2", "JSON object")]
    [TestCase("{}\n[1]", ":2", "JSON object")]
    [TestCase("{}\n{\"a\":1,}", ":2", "JSON object")]
    [TestCase("{}\n{\"a\":1,\"a\":2}", ":2", "JSON object")]
    [TestCase("{}\n{\"a\":\"\\ud800\"}", ":2", "surrogate")]
    [TestCase("{}\n{\"\\ud800\":1}", ":2", "surrogate")]
    [TestCase("{}\n{} {}", ":2", "JSON object")]
    [TestCase("{}\n{\"id\":{}}", ":2", "id")]
    [TestCase("{\"id\":1}\n{\"id\":\"1\"}", ":2", ":1")]
    [TestCase("[{},\n5]", ":2", "JSON object")]
    [TestCase("[{},\n{}", ":2", "JSON")]
    [TestCase("[{}]\n{}", ":2", "JSON")]
    [TestCase("", "data.jsonl", "at least one record")]
    [TestCase("[]", "data.jsonl", "at least one record")]
    public void A_bad_line_is_named_with_file_number_and_reason(string text, string line, string reason) =>
        Assert.That(
            () => DataFiles.Records(text),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("data.jsonl").And.Message.Contains(line).And.Message.Contains(reason));

    [Test]
    public void Bytes_that_are_no_text_and_deep_nesting_are_refused()
    {
        using var files = new DataFiles();
        string bytes = files.Write("bytes", [.. "{}\n{\"a\":\""u8, 0xC3, 0x28, .. "\"}"u8]);
        string deep = files.Write("deep", "{}\n{\"a\":" + new string('[', 100_000));
        Assert.Multiple(() =>
        {
            Assert.That(() => RecordReader.Read([bytes]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("bytes:2").And.Message.Contains("UTF-8"));
            Assert.That(() => RecordReader.Read([deep]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("deep:2"));
            Assert.That(() => RecordReader.Read(["no such file"]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("no such file"));
        });
    }

    [Test]
    public void A_line_longer_than_the_limit_is_refused_before_it_is_held()
    {
        using var stream = new MemoryStream(new byte[1 << 20]);
        var lines = new LineReader(stream, "data.jsonl", 1 << 16);
        Assert.That(() => lines.TryRead(out _), Throws.TypeOf<InvalidInputException>().With.Message.Contains("data.jsonl:1"));
        Assert.That(stream.Position, Is.LessThan(1 << 18));
    }

    [Test]
    public void Lines_are_those_of_splitting_at_line_feeds() => Gen.Char["ab\n\r"].Array[0, 400].Sample(c =>
    {
        string text = string.Concat(c.Select(x => new string(x, x == 'a' ? 700 : 1)));
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        var reader = new LineReader(stream, "f", 1 << 20);
        var lines = new List<string>();
        while (reader.TryRead(out ReadOnlySpan<byte> line)) lines.Add(Encoding.UTF8.GetString(line));
        List<string> expected = [.. text.Split('\n')];
        if (expected[^1].Length == 0) expected.RemoveAt(expected.Count - 1);
        for (int i = 0; i < expected.Count; i++)
        {
            bool terminated = i + 1 < expected.Count || text.EndsWith('\n');
            if (terminated && expected[i].EndsWith('\r')) expected[i] = expected[i][..^1];
        }

        Assert.That(lines, Is.EqualTo(expected));
        Assert.That(reader.Line, Is.EqualTo(expected.Count));
    });

    [TestCase("{\"id\":\"a\",\"question\":\"1+1?\",\"answer\":\"2\\u00e9\"}\n{\"question\":\"x\",\"answer\":\"y\",\"n\":[1,2.5e3,null,true]}\n")]
    [TestCase("[{\"instruction\":\"a\",\"input\":\"\",\"output\":\"b\"},\n {\"instruction\":\"c\",\"output\":\"d\"}]")]
    public void A_damaged_file_loads_right_or_is_refused(string text)
    {
        using var files = new DataFiles();
        string path = "";
        Mutation.Of(Encoding.UTF8.GetBytes(text)).Sample(bytes =>
        {
            path = files.Write("data.jsonl", bytes);
            try
            {
                foreach (DataRecord record in RecordReader.Read([path]))
                {
                    foreach ((string name, JsonNode? node) in record.Fields) Assert.That(name + DataRecord.Scalar(node), Is.Not.Null);
                }
            }
            catch (InvalidInputException e)
            {
                Assert.That(e.Message, Does.Contain("data.jsonl").And.Not.Contain('\n'));
            }
        }, threads: 1);
    }

    [Test]
    public void Random_bytes_are_refused() => Gen.Byte.Array[1, 200].Sample(bytes =>
    {
        using var files = new DataFiles();
        string path = files.Write("data.jsonl", [0xFF, .. bytes]);
        Assert.That(() => RecordReader.Read([path]), Throws.TypeOf<InvalidInputException>());
    });

    private static string[] Show(IReadOnlyList<DataRecord> records) => [.. records.Select(r => $"{r.Id}@{r.Line}={r.Text("a")}")];
}
