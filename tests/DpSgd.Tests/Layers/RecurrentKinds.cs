using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Layers;

/// <summary>The kinds of recurrent layers, TorchSharp's and ours, behind one face for the tests.</summary>
internal static class RecurrentKinds
{
    public static readonly string[] Names = ["LSTM", "GRU", "RNN tanh", "RNN relu"];

    public sealed record Options(
        long NumLayers = 1, bool Bias = true, bool BatchFirst = false, bool Bidirectional = false, double Dropout = 0);

    /// <summary>Runs a layer: input, initial states or null, lengths or null, to output and final states.</summary>
    public delegate Tensor[] Run(Tensor input, Tensor[]? states, Tensor? lengths);

    public static (nn.Module Module, Run Run) Theirs(string kind, long input, long hidden, Options o)
    {
        switch (kind)
        {
            case "LSTM":
                var lstm = nn.LSTM(input, hidden, o.NumLayers, o.Bias, o.BatchFirst, o.Dropout, o.Bidirectional);
                return (lstm, RunLSTM);

                Tensor[] RunLSTM(Tensor x, Tensor[]? states, Tensor? lengths)
                {
                    (Tensor, Tensor)? start = states is null ? null : (states[0], states[1]);
                    if (lengths is null)
                    {
                        var (y, h, c) = lstm.call(x, start);
                        return [y, h, c];
                    }
                    var (packed, hn, cn) = lstm.call(Pack(x, lengths, o), start);
                    return [Unpack(packed, x, o), hn, cn];
                }
            case "GRU":
                var gru = nn.GRU(input, hidden, o.NumLayers, o.Bias, o.BatchFirst, o.Dropout, o.Bidirectional);
                return (gru, RunGRU);

                Tensor[] RunGRU(Tensor x, Tensor[]? states, Tensor? lengths)
                {
                    if (lengths is null)
                    {
                        var (y, h) = gru.call(x, states?[0]);
                        return [y, h];
                    }
                    var (packed, hn) = gru.call(Pack(x, lengths, o), states?[0]);
                    return [Unpack(packed, x, o), hn];
                }
            default:
                var rnn = nn.RNN(input, hidden, o.NumLayers, NonLinearity(kind), o.Bias, o.BatchFirst, o.Dropout, o.Bidirectional);
                return (rnn, RunRNN);

                Tensor[] RunRNN(Tensor x, Tensor[]? states, Tensor? lengths)
                {
                    if (lengths is null)
                    {
                        var (y, h) = rnn.call(x, states?[0]);
                        return [y, h];
                    }
                    var (packed, hn) = rnn.call(Pack(x, lengths, o), states?[0]);
                    return [Unpack(packed, x, o), hn];
                }
        }
    }

    public static (nn.Module Module, Run Run) Ours(string kind, long input, long hidden, Options o)
    {
        return Face(kind switch
        {
            "LSTM" => new DPLSTM(input, hidden, o.NumLayers, o.Bias, o.BatchFirst, o.Dropout, o.Bidirectional),
            "GRU" => new DPGRU(input, hidden, o.NumLayers, o.Bias, o.BatchFirst, o.Dropout, o.Bidirectional),
            _ => new DPRNN(input, hidden, o.NumLayers, NonLinearity(kind), o.Bias, o.BatchFirst, o.Dropout, o.Bidirectional),
        });
    }

    public static (nn.Module Module, Run Run) From(nn.Module theirs, double? dropout = null) => Face(theirs switch
    {
        TorchSharp.Modules.LSTM lstm => DPLSTM.From(lstm, dropout),
        TorchSharp.Modules.GRU gru => DPGRU.From(gru, dropout),
        _ => DPRNN.From((TorchSharp.Modules.RNN)theirs, dropout),
    });

    public static void CopyTo(nn.Module ours, nn.Module theirs)
    {
        switch (ours)
        {
            case DPLSTM lstm:
                lstm.CopyTo((TorchSharp.Modules.LSTM)theirs);
                break;
            case DPGRU gru:
                gru.CopyTo((TorchSharp.Modules.GRU)theirs);
                break;
            default:
                ((DPRNN)ours).CopyTo((TorchSharp.Modules.RNN)theirs);
                break;
        }
    }

    public static int States(string kind) => kind == "LSTM" ? 2 : 1;

    public static (nn.Module Module, Run Run) Face(nn.Module module) => (module, module switch
    {
        DPLSTM lstm => (x, states, lengths) =>
        {
            var (y, h, c) = lstm.call(x, states is null ? null : (states[0], states[1]), lengths);
            return [y, h, c];
        }
        ,
        DPGRU gru => (x, states, lengths) =>
        {
            var (y, h) = gru.call(x, states?[0], lengths);
            return [y, h];
        }
        ,
        _ => (x, states, lengths) =>
        {
            var (y, h) = ((DPRNN)module).call(x, states?[0], lengths);
            return [y, h];
        }
        ,
    });

    private static nn.NonLinearities NonLinearity(string kind) => kind == "RNN relu" ? nn.NonLinearities.ReLU : nn.NonLinearities.Tanh;

    private static nn.utils.rnn.PackedSequence Pack(Tensor x, Tensor lengths, Options o) =>
        nn.utils.rnn.pack_padded_sequence(x, lengths, o.BatchFirst, enforce_sorted: false);

    private static Tensor Unpack(nn.utils.rnn.PackedSequence packed, Tensor x, Options o) =>
        nn.utils.rnn.pad_packed_sequence(packed, o.BatchFirst, total_length: x.shape[o.BatchFirst ? 1 : 0]).Item1;
}
