using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// What a layer asks of the device, kernel by kernel: where rows are few, a pass takes as long as its commands. A layer is what a model of three
/// has more than one of two.
/// </summary>
internal sealed class LayerCommandTests
{
    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void A_training_step_of_adapters_on_all_seven_projections()
    {
        Dictionary<string, int> commands = OfLayer(model => new AdapterTrainer(model).Train(
        [
            new ClientTask
            {
                Id = "a",
                Seed = 1,
                Examples = TrainingCases.Examples(1, 1),
                Initial = TrainingCases.Adapter(model.Config, 4, 2),
                Options = new TrainingOptions { BatchSize = 1, Steps = 1, LearningRate = 1e-3, Dropout = 0 },
            },
        ]));
        Assert.That(commands, Is.EquivalentTo(new Dictionary<string, int>
        {
            ["Product"] = 14,
            ["lora_shrink_bf16"] = 14,
            ["lora_shrink_sum"] = 12, // not of the gradients of k and v: they are narrow here
            ["lora_expand_bf16"] = 14,
            ["lora_gradient_bf16"] = 7, // and 7 sums if a client has more than 1,024 rows
            ["residual_rms_norm_forward_bf16"] = 2,
            ["rms_norm_forward_bf16"] = 2,
            ["rms_norm_backward_bf16"] = 2,
            ["rope_forward_bf16"] = 1,
            ["rope_backward_bf16"] = 1,
            ["attention_forward_64_bf16"] = 1,
            ["attention_backward_queries_64_bf16"] = 1,
            ["attention_backward_keys_64_bf16"] = 1,
            ["swiglu_forward_bf16"] = 2,
            ["swiglu_backward_bf16"] = 1,
        }));
    }

    [Test]
    public void A_decoded_token()
    {
        // The prompt, and two tokens of three: the last one is not read any more.
        const int passes = 3;
        var options = new GenerationOptions { MaxNewTokens = passes, IgnoreEos = true };
        Dictionary<string, int> commands = OfLayer(model => new Generator(model).Generate([[1, 2, 3]], options));
        Assert.That(commands, Is.EquivalentTo(new Dictionary<string, int>
        {
            ["Product"] = 7 * passes,
            ["residual_rms_norm_forward_bf16"] = 2 * passes,
            ["rope_forward_bf16"] = passes,
            ["scatter_rows_bf16"] = passes,
            ["attention_forward_64_bf16"] = passes,
            ["swiglu_forward_bf16"] = passes,
        }));
    }

    private static Dictionary<string, int> OfLayer(Action<Transformer> run)
    {
        Dictionary<string, int> two = Commands(2, run), three = Commands(3, run);
        return three.Select(pair => KeyValuePair.Create(pair.Key, pair.Value - two.GetValueOrDefault(pair.Key))).Where(pair => pair.Value != 0).ToDictionary();
    }

    private static Dictionary<string, int> Commands(int layers, Action<Transformer> run)
    {
        using CudaBackend backend = CudaBackend.Create(TestDevice.Options! with { ActivationType = DType.BF16 });
        if (!backend.ProductsName.StartsWith("cuBLASLt", StringComparison.Ordinal)) Assert.Ignore(backend.ProductsName);
        string json = $$"""
            {"model_type":"llama","architectures":["LlamaForCausalLM"],"num_hidden_layers":{{layers}},"hidden_size":512,"intermediate_size":512,
             "num_attention_heads":8,"num_key_value_heads":2,"vocab_size":256,"max_position_embeddings":64,"initializer_range":0.02}
            """;
        using Transformer model = Transformer.Random(backend, ModelConfigFile.Parse(json, "config.json"), DType.BF16, 1);
        var commands = new Dictionary<string, int>();
        backend.Journal = name => commands[name] = commands.GetValueOrDefault(name) + 1;
        run(model);
        return commands;
    }
}
