using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Cli.EvalTasks;

/// <summary>What eval measures; its records are read and checked when it is made, before any weight is.</summary>
internal interface IEvalTask
{
    /// <summary>Measures a model, with an adapter or without.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">Or null.</param>
    /// <param name="onItems">Told how many items are done, of how many, by tasks that take long.</param>
    EvalFigure Measure(Transformer model, AdapterStack? adapter, Action<int, int> onItems);
}
