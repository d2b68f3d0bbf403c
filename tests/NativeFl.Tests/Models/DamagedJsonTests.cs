using CsCheck;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Tokenization;

namespace NativeFl.Tests.Models;

/// <summary>The small JSON files of a model folder, damaged at random: refused in one line, or read for what they say.</summary>
public sealed class DamagedJsonTests
{
    [Test]
    public void A_damaged_index_loads_right_or_is_refused()
    {
        using TemporaryFolder folder = new();
        ModelFixture.Copy(ModelFixture.Folder("llama-sharded-f16"), folder.At("m"));
        string index = Path.Combine(folder.At("m"), Checkpoint.IndexFile), valid = File.ReadAllText(index);
        float[] expected = FirstRows(folder.At("m"));
        Mutation.OfJson(valid).Sample(bytes =>
        {
            File.WriteAllBytes(index, bytes);
            try
            {
                Assert.That(FirstRows(folder.At("m")), Is.EqualTo(expected));
            }
            catch (InvalidInputException e)
            {
                Assert.That(e.Message, Does.Contain(folder.At("m")).And.Not.Contain('\n'));
            }
        }, iter: 1000, threads: 1);
    }

    [Test]
    public void A_damaged_generation_config_loads_right_or_is_refused()
    {
        using TemporaryFolder folder = new();
        ModelFixture.Copy(ModelFixture.Folder("llama"), folder.At("m"));
        const string Valid = """{"bos_token_id":1,"eos_token_id":[2,17,255],"pad_token_id":0,"do_sample":true,"temperature":0.6,"transformers_version":"4.57.0"}""";
        string path = Path.Combine(folder.At("m"), "generation_config.json");
        File.WriteAllText(path, Valid);
        ModelConfig whole = ModelConfigFile.Load(folder.At("m"));
        Assert.That(whole.EosTokenIds, Is.EqualTo(new[] { 2, 17, 255 }));
        Mutation.OfJson(Valid).Sample(bytes =>
        {
            File.WriteAllBytes(path, bytes);
            try
            {
                Assert.That(ModelConfigFile.Load(folder.At("m")).EosTokenIds, Is.All.InRange(0, whole.VocabularySize - 1));
            }
            catch (InvalidInputException e)
            {
                Assert.That(e.Message, Does.Contain(path).And.Not.Contain('\n'));
            }
        }, iter: 1000, threads: 1);
    }

    /// <summary>The first row of every tensor.</summary>
    private static float[] FirstRows(string model)
    {
        using Checkpoint checkpoint = Checkpoint.Open(model);
        checkpoint.Validate();
        return [.. Checkpoint.ExpectedTensors(checkpoint.Config).SelectMany(t =>
        {
            var row = new float[t.Shape[^1]];
            checkpoint.Read(t.Name, 0, row.Length, row);
            return row;
        })];
    }
}
