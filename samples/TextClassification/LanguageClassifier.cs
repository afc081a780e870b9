using DpSgd;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TextClassification;

/// <summary>Tokens [B, T] to logits [B, languages]: a table of tokens, an LSTM, the largest of its outputs over time, and a linear map.</summary>
internal sealed class LanguageClassifier : Module<Tensor, Tensor>
{
    private const int Width = 32;
    private const int Hidden = 64;

    private readonly Embedding _embedding = Embedding(ByteTokens.Count, Width);
    private readonly DPLSTM _lstm = new(Width, Hidden, batchFirst: true);
    private readonly Linear _output;

    public LanguageClassifier(int languages)
        : base(nameof(LanguageClassifier))
    {
        _output = Linear(Hidden, languages);
        RegisterComponents();
    }

    /// <remarks>The maximum is over the tokens of one text. Anything over the texts of a batch would mix them, and void the guarantee.</remarks>
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var lengths = tokens.ne(ByteTokens.Padding).sum(dim: 1L);
        var (outputs, _, _) = _lstm.call(_embedding.call(tokens), lengths: lengths);   // [B, T, hidden], zero after the end of a text
        return _output.call(outputs.amax([1L])).MoveToOuterDisposeScope();
    }
}
