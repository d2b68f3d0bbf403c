using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.Models;

namespace NativeFl.Tests.Models;

/// <summary>One folder of tests/fixtures/models: the checkpoint, its batch without padding, and what the independent reference computed.</summary>
internal sealed class FixtureCase : IDisposable
{
    private readonly SafetensorsFile _expected;

    public FixtureCase(string name)
    {
        Folder = Fixtures.Path("models", name);
        Config = ModelConfigFile.Load(Folder);
        _expected = SafetensorsFile.Open(Path.Combine(Folder, "expected.safetensors"));
        Numbers = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "expected.json")))!.AsObject();
        (int rows, int columns) = ShapeOf("input_ids");
        (long[] ids, long[] mask, long[] labels) = (Int64("input_ids"), Int64("attention_mask"), Int64("labels"));
        Examples = [.. Enumerable.Range(0, rows).Select(row =>
        {
            int first = row * columns, length = (int)mask.AsSpan(first, columns).ToArray().Sum();
            return new TokenizedExample($"{name}-{row}", Cut(ids, first, length), Cut(labels, first, length));
        })];
        Length = columns;
    }

    /// <summary>Every folder on disk.</summary>
    public static IEnumerable<string> Names =>
        Directory.GetDirectories(Fixtures.Path("models")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal);

    public string Folder { get; }

    public ModelConfig Config { get; }

    public JsonObject Numbers { get; }

    /// <summary>The rows of the batch, cut to their own lengths.</summary>
    public IReadOnlyList<TokenizedExample> Examples { get; }

    /// <summary>T of the padded batch.</summary>
    public int Length { get; }

    /// <summary>A tensor of expected.safetensors.</summary>
    public float[] Tensor(string name)
    {
        var values = new float[_expected.Entries[name].Shape.Aggregate(1L, (product, extent) => product * extent)];
        _expected.Read(name, 0, values);
        return values;
    }

    /// <summary>The rows of a (B, T, V) tensor that are not padding, row by row.</summary>
    public float[] RealRows(string name)
    {
        float[] padded = Tensor(name);
        int vocabulary = Config.VocabularySize;
        return [.. Examples.SelectMany((example, row) => padded.AsSpan(row * Length * vocabulary, example.InputIds.Length * vocabulary).ToArray())];
    }

    public int[] Ids(string name) => Cut(Int64(name), 0, int.MaxValue);

    public double Number(params string[] path) => Node(path).GetValue<double>();

    public double[] List(params string[] path) => [.. Node(path).AsArray().Select(value => value!.GetValue<double>())];

    public AdapterWeights Adapter(params string[] path) => AdapterFolder.Load(Path.Combine([Folder, .. path]), Config).Weights;

    /// <summary>‖got − expected‖₂ / ‖expected‖₂, in double.</summary>
    public static double Distance(ReadOnlySpan<float> got, ReadOnlySpan<float> expected)
    {
        Assert.That(got.Length, Is.EqualTo(expected.Length));
        double difference = 0, norm = 0;
        for (int i = 0; i < got.Length; i++)
        {
            difference += ((double)got[i] - expected[i]) * ((double)got[i] - expected[i]);
            norm += (double)expected[i] * expected[i];
        }

        return Math.Sqrt(difference / norm);
    }

    public void Dispose() => _expected.Dispose();

    private static int[] Cut(long[] values, int first, int length) => [.. values.Skip(first).Take(length).Select(value => checked((int)value))];

    private JsonNode Node(string[] path) => path.Aggregate((JsonNode)Numbers, (node, key) => node[key]!);

    private (int Rows, int Columns) ShapeOf(string name) => ((int)_expected.Entries[name].Shape[0], (int)_expected.Entries[name].Shape[1]);

    private long[] Int64(string name)
    {
        (int rows, int columns) = ShapeOf(name);
        var values = new long[rows * columns];
        _expected.ReadInt64(name, values);
        return values;
    }
}
