using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Models;

public sealed class CheckpointWriterTests
{
    [TestCaseSource(typeof(ModelFixture), nameof(ModelFixture.Names))]
    public void A_checkpoint_that_is_copied_in_its_own_type_has_the_same_values(string name)
    {
        using TemporaryFolder folder = new();
        using Checkpoint source = Checkpoint.Open(ModelFixture.Folder(name));
        CheckpointWriter.Write(folder.Root, source.Config, source.StorageType, Tensors(source), null);
        using Checkpoint copy = Checkpoint.Open(folder.Root);
        copy.Validate();
        Assert.That(copy.StorageType, Is.EqualTo(source.StorageType));
        Assert.That(Directory.GetFiles(folder.Root).Select(Path.GetFileName), Is.EquivalentTo(new[] { "config.json", "model.safetensors" }));
        foreach ((string tensor, long[] shape) in Checkpoint.ExpectedTensors(source.Config))
        {
            long count = shape.Aggregate(1L, (a, b) => a * b);
            float[] before = new float[count], after = new float[count];
            source.Read(tensor, 0, 1, before);
            copy.Read(tensor, 0, 1, after);
            Assert.That(after, Is.EqualTo(before), tensor);
        }
    }

    [TestCase(DType.BF16, "bfloat16")]
    [TestCase(DType.F16, "float16")]
    public void Another_type_is_rounded_to_and_named_in_the_config(DType storage, string name)
    {
        using TemporaryFolder folder = new();
        using Checkpoint source = Checkpoint.Open(ModelFixture.Folder("llama"));
        CheckpointWriter.Write(folder.Root, source.Config, storage, Tensors(source), null);
        using Checkpoint copy = Checkpoint.Open(folder.Root);
        float[] before = new float[48 * 48], after = new float[48 * 48];
        source.Read("model.layers.1.self_attn.q_proj.weight", 0, 48, before);
        copy.Read("model.layers.1.self_attn.q_proj.weight", 0, 48, after);
        double digits = storage == DType.BF16 ? 8 : 11;
        Assert.Multiple(() =>
        {
            Assert.That(copy.StorageType, Is.EqualTo(storage));
            Assert.That(copy.Config.Json["torch_dtype"]!.GetValue<string>(), Is.EqualTo(name));
            Assert.That(after, Is.Not.EqualTo(before));
            Assert.That(before.Zip(after).All(p => Math.Abs(p.First - p.Second) <= Math.Max(Math.Abs(p.First) * Math.Pow(2, -digits), Math.Pow(2, -25))), Is.True);
        });
    }

    [TestCase(65504f, true)]
    [TestCase(65519f, true)]
    [TestCase(65520f, false)]
    [TestCase(-1e9f, false)]
    public void A_value_that_f16_cannot_hold_is_refused(float value, bool fits)
    {
        using TemporaryFolder folder = new();
        using Checkpoint source = Checkpoint.Open(ModelFixture.Folder("llama"));
        CheckpointTensor[] tensors = [.. Tensors(source).Select(t => t with
        {
            Read = (first, buffer, rows) =>
            {
                t.Read(first, buffer, rows);
                if (t.Name == "model.norm.weight") buffer[5] = value;
            },
        })];
        void Write() => CheckpointWriter.Write(folder.Root, source.Config, DType.F16, tensors, null);
        if (fits) Assert.That(Write, Throws.Nothing);
        else Assert.That(Write, Throws.TypeOf<InvalidInputException>().With.Message.Contains("--save-dtype: expected bf16 or f32, for model.norm.weight"));
    }

    [Test]
    public void A_large_checkpoint_is_split_over_files_with_an_index()
    {
        using TemporaryFolder folder = new();
        using Checkpoint source = Checkpoint.Open(ModelFixture.Folder("llama"));
        const int Limit = 60_000;
        CheckpointWriter.Write(folder.Root, source.Config, DType.F32, Tensors(source), null, Limit);
        string[] shards = Directory.GetFiles(folder.Root, "model-*.safetensors");
        using Checkpoint copy = Checkpoint.Open(folder.Root);
        copy.Validate();
        float[] before = new float[256 * 48], after = new float[256 * 48];
        source.Read("lm_head.weight", 0, 48, before);
        copy.Read("lm_head.weight", 0, 48, after);
        JsonNode index = JsonNode.Parse(File.ReadAllText(folder.At(Checkpoint.IndexFile)))!;
        Assert.Multiple(() =>
        {
            Assert.That(shards, Has.Length.GreaterThan(5));
            Assert.That(shards.Select(Path.GetFileName), Does.Contain($"model-00001-of-{shards.Length:00000}.safetensors"));
            Assert.That(shards.Select(s => new FileInfo(s).Length), Is.All.LessThan(Limit + 10_000));
            Assert.That((long)index["metadata"]!["total_size"]!, Is.EqualTo(Checkpoint.ExpectedTensors(source.Config).Sum(t => t.Shape.Aggregate(4L, (a, b) => a * b))));
            Assert.That(after, Is.EqualTo(before));
            Assert.That(File.Exists(folder.At(Checkpoint.SingleFile)), Is.False);
        });
    }

    [Test]
    public void A_tensor_larger_than_the_buffer_is_asked_for_piece_by_piece()
    {
        using TemporaryFolder folder = new();
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        List<(int First, int Rows)> asked = [];
        CheckpointTensor tensor = new("t", 3000, 1000, (first, buffer, rows) =>
        {
            asked.Add((first, rows));
            for (int row = 0; row < rows; row++) buffer.AsSpan(row * 1000, 1000).Fill(first + row);
        });
        CheckpointWriter.Write(folder.Root, config, DType.F32, [tensor], null);
        using SafetensorsFile file = SafetensorsFile.Open(folder.At(Checkpoint.SingleFile));
        float[] last = new float[1000];
        file.Read("t", 2_999_000, last);
        Assert.That(last, Is.All.EqualTo(2999f));
        Assert.That(asked, Is.EqualTo(new[] { (0, 1048), (1048, 1048), (2096, 904) }));
    }

    [Test]
    public void The_files_of_the_tokenizer_come_along_and_no_others()
    {
        using TemporaryFolder folder = new();
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        Directory.CreateDirectory(folder.At("from"));
        Directory.CreateDirectory(folder.At("to"));
        string[] files = ["tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja"];
        foreach (string file in files) folder.Write("from/" + file, "{}" + file);
        folder.Write("from/generation_config.json", """{"eos_token_id":2}""");
        folder.Write("from/notes.txt", "private");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder.At("from/tokenizer.json"), UnixFileMode.UserRead);
        CheckpointWriter.Write(folder.At("to"), config, DType.F32, [new CheckpointTensor("a", 1, 0, (_, buffer, _) => buffer[0] = 1)], folder.At("from"));
        Assert.That(
            Directory.GetFiles(folder.At("to")).Select(Path.GetFileName), Is.EquivalentTo([.. files, "generation_config.json", "config.json", Checkpoint.SingleFile]));
        Assert.That(File.ReadAllText(folder.At("to/merges.txt")), Is.EqualTo("{}merges.txt"));
    }

    [Test]
    public void A_folder_that_is_not_there_is_reported()
    {
        using TemporaryFolder folder = new();
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        Assert.That(() => CheckpointWriter.Write(folder.At("none"), config, DType.F32, [], null), Throws.TypeOf<RunFailedException>().With.Message.Contains(folder.At("none")));
    }

    private static IEnumerable<CheckpointTensor> Tensors(Checkpoint source) =>
        Checkpoint.ExpectedTensors(source.Config).Select(t =>
        {
            int columns = t.Shape.Length == 2 ? (int)t.Shape[1] : 0, row = Math.Max(columns, 1);
            return new CheckpointTensor(t.Name, (int)t.Shape[0], columns, (first, buffer, rows) => source.Read(t.Name, first, row, buffer.AsSpan(0, rows * row)));
        });
}
